/**
 * Every state a disk can be in after a power loss, from the log of what was done to it.
 *
 * The model is that of ALICE (Pillai et al., OSDI 2014) for a file system that promises nothing beyond POSIX:
 *
 * - What was written to a file is lost until `fsync` or `fdatasync` of that file, every write by itself. A longer size
 *   may be there without the contents: then zeros are read. Modes take `fsync`.
 * - A name made, replaced or removed is undone until `fsync` of its directory, every name by itself. `fsync` of a file
 *   says nothing of its name.
 * - A rename happens as a whole or not at all; `fsync` of either directory makes it durable.
 * - What was done later to the same name, or to the same node's mode, is there only with what was done before.
 * - Nothing else is ordered: neither two files, nor two names, nor a name and the contents behind it.
 *
 * Real file systems promise more (ext4 commits names in order); whoever is safe here is safe there.
 */
import type { Effect, Log } from "./log.ts";
import type { Node } from "./nodes.ts";

/** A node in an image. Never changed; another state is another object. */
export interface NodeState {
  readonly kind: Node["kind"];
  readonly mode: number;
  readonly target: string;
  readonly base: Uint8Array;
  readonly size: number;
  readonly pieces: readonly { readonly position: number; readonly bytes: Uint8Array }[];
  /** Serials by name. */
  readonly entries: ReadonlyMap<string, number>;
}

export type Image = ReadonlyMap<number, NodeState>;

/** An effect in its place among the others. */
export interface Step {
  readonly effect: Effect;
  /** Index of its operation. */
  readonly operation: number;
  /** Indices of the steps without which it cannot be there. */
  readonly needs: readonly number[];
  /** Index of the operation that makes it durable; Infinity if none does. */
  durableBy: number;
}

export function blankState(kind: Node["kind"]): NodeState {
  return { kind, mode: 0, target: "", base: new Uint8Array(), size: 0, pieces: [], entries: new Map() };
}

/** All effects of a log in order, with what they need and when they are durable. */
export function stepsOf(log: Log): Step[] {
  const steps: Step[] = [];
  /** The last step that touched a name or a mode, and the undecided steps by the node whose `fsync` decides them. */
  const last = new Map<string, number>();
  const open = new Map<number, Set<number>>();
  for (const [operation, { effects, sync }] of log.operations.entries()) {
    let size: number | null = null;
    for (const effect of effects) {
      const index = steps.length;
      const keys = keysOf(effect);
      const needs = keys.flatMap((key) => last.get(key) ?? []);
      if (effect.kind === "data" && size !== null) needs.push(size);
      steps.push({ effect, operation, needs, durableBy: Number.POSITIVE_INFINITY });
      for (const key of keys) last.set(key, index);
      for (const node of nodesOf(effect)) open.set(node, (open.get(node) ?? new Set()).add(index));
      if (effect.kind === "size") size = index;
    }
    if (sync === null) continue;
    for (const index of open.get(sync.node) ?? []) {
      const step = steps[index];
      if (step === undefined || (sync.dataOnly && step.effect.kind === "mode")) continue;
      makeDurable(steps, step, operation);
      open.get(sync.node)?.delete(index);
    }
  }
  return steps;
}

function makeDurable(steps: readonly Step[], step: Step, operation: number): void {
  if (step.durableBy <= operation) return;
  step.durableBy = operation;
  for (const index of step.needs) {
    const needed = steps[index];
    if (needed !== undefined) makeDurable(steps, needed, operation);
  }
}

function keysOf(effect: Effect): string[] {
  if (effect.kind === "entries") return effect.changes.map(({ directory, name }) => `${directory}/${name}`);
  return effect.kind === "mode" ? [`${effect.node} mode`] : [];
}

function nodesOf(effect: Effect): number[] {
  return effect.kind === "entries" ? effect.changes.map(({ directory }) => directory) : [effect.node];
}

/** The disk after `count` operations of the log: what is durable then, and of the rest what is chosen and possible. */
export function imageAfter(log: Log, count: number, choose: (step: number) => boolean): Image {
  const image = savedStates(log);
  const there = new Set<number>();
  for (const [index, step] of stepsOf(log).entries()) {
    if (step.operation >= count) break;
    const possible = step.needs.every((needed) => there.has(needed));
    if (step.durableBy < count || (possible && choose(index))) {
      there.add(index);
      applyTo(image, step.effect);
    }
  }
  return image;
}

/** Every node of the log as it was born, or as it was when the log began. */
export function savedStates(log: Log): Map<number, NodeState> {
  return new Map(
    [...log.nodes].map(([serial, { kind, mode, target, bytes, entries }]) => [
      serial,
      { kind, mode, target, base: bytes, size: bytes.length, pieces: [], entries },
    ]),
  );
}

export function applyTo(image: Map<number, NodeState>, effect: Effect): void {
  if (effect.kind === "entries") {
    for (const { directory, name, node } of effect.changes) {
      const state = image.get(directory);
      if (state === undefined) continue;
      const entries = new Map(state.entries);
      if (node === null) entries.delete(name);
      else entries.set(name, node);
      image.set(directory, { ...state, entries });
    }
    return;
  }
  const state = image.get(effect.node);
  if (state !== undefined) image.set(effect.node, changed(state, effect));
}

function changed(state: NodeState, effect: Exclude<Effect, { kind: "entries" }>): NodeState {
  switch (effect.kind) {
    case "mode":
      return { ...state, mode: effect.mode };
    case "data":
      return { ...state, pieces: [...state.pieces, { position: effect.position, bytes: effect.bytes }] };
    case "size":
      if (effect.grow) return { ...state, size: Math.max(state.size, effect.size) };
      return {
        ...state,
        size: effect.size,
        base: state.base.subarray(0, effect.size),
        pieces: state.pieces
          .filter(({ position }) => position < effect.size)
          .map(({ position, bytes }) => ({ position, bytes: bytes.subarray(0, effect.size - position) })),
      };
  }
}
