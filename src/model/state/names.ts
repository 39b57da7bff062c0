/** Names and their order, as Juju writes them (juju/names v5, juju/naturalsort). */

const APPLICATION = /^[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*$/;
const NUMBER = /^(?:0|[1-9][0-9]*)$/;

export function isApplicationName(name: string): boolean {
  return APPLICATION.test(name);
}

export function isUnitName(name: string): boolean {
  const slash = name.indexOf("/");
  return slash > 0 && isApplicationName(name.slice(0, slash)) && NUMBER.test(name.slice(slash + 1));
}

/** `app/0` → `app` */
export function applicationOf(unit: string): string {
  return unit.slice(0, unit.indexOf("/"));
}

/** `app/0` → `unit-app-0` */
export function unitTag(unit: string): string {
  return `unit-${unit.replace("/", "-")}`;
}

/** Digits compare as numbers: `a/2` before `a/10`. */
export function naturally(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareParts(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareParts(a: string, b: string): number {
  const numbers = Number(a) - Number(b);
  if (!Number.isNaN(numbers) && numbers !== 0) return numbers;
  return asBytes(a, b);
}

/** The order of Go's `sort.Strings`. */
export function asBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A copy with its keys in the given order; natural order unless told. */
export function sortedRecord<T>(
  record: Readonly<Record<string, T>>,
  order: (a: string, b: string) => number = naturally,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => order(a, b)));
}
