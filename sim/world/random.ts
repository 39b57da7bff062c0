/** Dice that give the same numbers for the same seed. */

export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `stream` keeps kinds of decisions apart: more throws of one kind leave the others as they are. */
  constructor(seed: number, stream: string) {
    this.#a = seed | 0;
    this.#b = hashOf(stream);
    this.#c = Math.trunc(seed / 2 ** 32) ^ 0x9e3779b9;
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** sfc32 by Chris Doty-Humphrey (PractRand): 32 bits. */
  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** Small numbers as often as large ones: each order of magnitude alike. */
  magnitude(low: number, high: number): number {
    return low * (high / low) ** this.fraction();
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#next().toString(16).padStart(8, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash | 0;
}
