/** What the production code finds on a disk after a power loss. */
import { readLeases } from "../../src/store/lease.ts";
import { parseReleaseName } from "../../src/store/layout.ts";
import { inspectRelease } from "../../src/store/inspect.ts";
import { findRelease } from "../../src/store/release.ts";
import { openStore } from "../../src/store/store.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { Store, Target } from "../../src/store/types.ts";
import type { StorePorts } from "../../src/store/ports.ts";
import type { Disk } from "../disk/disk.ts";
import type { Image, NodeState } from "../disk/images.ts";
import { Machine } from "../disk/machine.ts";
import { now, ordersOf, STORE } from "./world.ts";

export interface Found {
  /** Code of what is wrong with the store as a whole; null = it can be used. */
  readonly store: string | null;
  /** By version: `whole`, `absent`, or what is wrong. */
  readonly releases: Readonly<Record<string, string>>;
  /** Names under `releases/` with no whole release behind them. */
  readonly strange: readonly string[];
  /** Leased releases by member, or the problem of reading them. */
  readonly leases: Readonly<Record<string, readonly string[]>> | string;
}

/** `targets`: with the hash of the manifest, as they would be agreed on. */
export async function readDisk(
  disk: Disk,
  targets: readonly Target[],
  portsOf: (machine: Machine) => StorePorts,
): Promise<Found> {
  const machine = new Machine("reader", { now });
  machine.attach(STORE, disk, { readOnly: true });
  const ports = portsOf(machine);
  const { state, store } = await openStore(ports, ordersOf("m1-app-9", false));
  if (store === null) return { store: state.problem?.code ?? "", releases: {}, strange: [], leases: {} };
  const releases: Record<string, string> = {};
  const known = new Set<string>();
  for (const target of targets) releases[target.version] = await lookFor(ports, store, target, known);
  const names = machine.node(`${STORE}/releases`) === null ? [] : machine.names(`${STORE}/releases`);
  const strange = names.filter((name) => parseReleaseName(name) === null || !known.has(name));
  return { store: null, releases, strange, leases: await leasesOf(store) };
}

/** With the manifest agreed on, and by a unit that has only the archive's digest: both must come to the same. */
async function lookFor(ports: StorePorts, store: Store, target: Target, known: Set<string>): Promise<string> {
  const answers = [];
  for (const wanted of [target, { ...target, manifestSha256: null }]) {
    try {
      const release = await findRelease(ports, store, wanted);
      const flaw = release === null ? null : (await inspectRelease(ports, store, release, "all")).flaw;
      if (release !== null && flaw === null) known.add(release.name);
      answers.push(release === null ? "absent" : flaw === null ? "whole" : `${flaw.path} ${flaw.what}`);
    } catch (error) {
      answers.push(String(error));
    }
  }
  return answers[0] === answers[1] ? (answers[0] ?? "") : `${answers[0]}, without its manifest's hash: ${answers[1]}`;
}

async function leasesOf(store: Store): Promise<Found["leases"]> {
  try {
    return Object.fromEntries((await readLeases(store)).map(({ member, releases }) => [member, releases]));
  } catch (error) {
    return error instanceof StoreError ? error.problem.code : String(error);
  }
}

/** Directories that no reader looks into: what lies in them makes no other image. */
const UNREAD = new Set(["partial", "staging", "trash"]);

const ids = new WeakMap<Uint8Array, number>();
const texts = new WeakMap<NodeState, string>();
let given = 0;

/** The same text for images that a reader cannot tell apart. */
export function keyOf(image: Image, root: number): string {
  const parts: string[] = [];
  const visit = (serial: number, depth: number): void => {
    const state = image.get(serial);
    if (state === undefined) return;
    parts.push(String(serial), textOf(state));
    if (state.kind !== "directory") return;
    for (const [name, entry] of state.entries) {
      parts.push(name);
      if (depth > 0 || !UNREAD.has(name)) visit(entry, depth + 1);
    }
    parts.push("/");
  };
  visit(root, 0);
  return parts.join(" ");
}

function textOf(state: NodeState): string {
  let text = texts.get(state);
  if (text === undefined) {
    const pieces = state.pieces.map(({ bytes }) => ids.get(bytes) ?? (ids.set(bytes, ++given), given));
    text = `${state.mode} ${state.size} ${pieces.join(",")}`;
    texts.set(state, text);
  }
  return text;
}
