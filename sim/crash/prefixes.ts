/** Walks through a disk's log: after each operation, the images that a power loss just then can leave. */
import { applyTo, type Image, type NodeState, savedStates, type Step, stepsOf } from "../disk/images.ts";
import type { Log } from "../disk/log.ts";
import type { Dice } from "../world/random.ts";

export interface Bounds {
  /** So many images are all made; where there are more, a choice of them. */
  readonly all: number;
  /** Of the choice: by chance. */
  readonly seeded: number;
  /** Of the choice: also each pair of steps, there or missing. */
  readonly pairs: boolean;
}

export interface Prefix {
  /** Operations done. */
  readonly count: number;
  /** All images are made. */
  readonly exhaustive: boolean;
  /** To be taken before the next prefix is asked for. */
  readonly images: Iterable<Image>;
}

/** One subset of the undecided steps: whether each is there. */
type Choice = readonly boolean[];

export function* prefixesOf(log: Log, bounds: Bounds, dice: Dice): Generator<Prefix, void> {
  const steps = stepsOf(log);
  const durable: Map<number, NodeState> = savedStates(log);
  let undecided: Step[] = [];
  const indices = new Map(steps.map((step, index) => [step, index]));
  let next = 0;
  for (let count = 0; count <= log.operations.length; count++) {
    for (; steps[next] !== undefined && (steps[next] as Step).operation < count; next++) {
      undecided.push(steps[next] as Step);
    }
    for (const step of undecided) if (step.durableBy < count) applyTo(durable, step.effect);
    undecided = undecided.filter((step) => step.durableBy >= count);
    // Nodes born later lie in `durable` as well; nothing leads to them yet.
    const needs = needsWithin(undecided, indices);
    const exhaustive = countChoices(needs, bounds.all) <= bounds.all;
    const choices = exhaustive ? allChoices(needs) : someChoices(needs, bounds, dice);
    yield { count, exhaustive, images: imagesOf(durable, undecided, choices) };
  }
}

function* imagesOf(durable: Image, undecided: readonly Step[], choices: Iterable<Choice>): Generator<Image, void> {
  for (const choice of choices) {
    const image = new Map(durable);
    for (const [index, there] of choice.entries()) {
      const step = undecided[index];
      if (there && step !== undefined) applyTo(image, step.effect);
    }
    yield image;
  }
}

/** For each undecided step the positions of those it needs; decided ones are there anyway. */
function needsWithin(undecided: readonly Step[], indices: ReadonlyMap<Step, number>): number[][] {
  const positions = new Map(undecided.map((step, position) => [indices.get(step) ?? -1, position]));
  return undecided.map(({ needs }) => needs.flatMap((index) => positions.get(index) ?? []));
}

/** Stops counting beyond the limit. */
function countChoices(needs: readonly number[][], limit: number): number {
  let count = 0;
  for (const _ of allChoices(needs)) if (++count > limit) break;
  return count;
}

/** Every subset that has what its members need. */
function* allChoices(needs: readonly number[][]): Generator<Choice, void> {
  const choice: boolean[] = [];
  function* from(position: number): Generator<Choice, void> {
    if (position === needs.length) {
      yield choice;
      return;
    }
    choice[position] = false;
    yield* from(position + 1);
    if (needs[position]?.every((needed) => choice[needed])) {
      choice[position] = true;
      yield* from(position + 1);
    }
  }
  yield* from(0);
}

/** None, all, each step alone or alone missing, the same of each pair, and some by chance; always with what they need. */
function* someChoices(needs: readonly number[][], bounds: Bounds, dice: Dice): Generator<Choice, void> {
  const only = (wanted: (position: number) => boolean) => withNeeds(needs, wanted);
  const without = (unwanted: (position: number) => boolean) => possible(needs, (position) => !unwanted(position));
  yield only(() => false);
  yield without(() => false);
  for (const [a] of needs.entries()) {
    yield only((position) => position === a);
    yield without((position) => position === a);
    for (let b = a + 1; bounds.pairs && b < needs.length; b++) {
      yield only((position) => position === a || position === b);
      yield without((position) => position === a || position === b);
    }
  }
  for (let count = 0; count < bounds.seeded; count++) {
    const share = dice.fraction();
    yield possible(needs, () => dice.chance(share));
  }
}

function withNeeds(needs: readonly number[][], wanted: (position: number) => boolean): boolean[] {
  const choice = needs.map((_, position) => wanted(position));
  for (let position = needs.length - 1; position >= 0; position--) {
    if (choice[position]) for (const needed of needs[position] ?? []) choice[needed] = true;
  }
  return choice;
}

function possible(needs: readonly number[][], wanted: (position: number) => boolean): boolean[] {
  const choice: boolean[] = [];
  for (const [position, needed] of needs.entries()) {
    choice.push(needed.every((other) => choice[other]) && wanted(position));
  }
  return choice;
}
