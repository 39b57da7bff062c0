/** One piece of work of the real agent on a disk that fails at one call of it: once, or from then on for a while. */
import { createHash } from "node:crypto";
import type { AgentState, Problem } from "../../src/agent/contract.ts";
import { PARTIAL, RELEASES, STAGING, TRASH } from "../../src/store/layout.ts";
import { mirrorOf } from "../../tests/unit/agent/archive.ts";
import { settle, STORE, World } from "../../tests/unit/agent/world.ts";
import { entriesOf } from "../check/tree.ts";
import { Disk } from "../disk/disk.ts";
import { savedStates } from "../disk/images.ts";
import { failure, type Node } from "../disk/nodes.ts";
import type { Call } from "../disk/process.ts";
import { KEY, type Work } from "./work.ts";

export const CODES = ["ENOSPC", "EROFS", "EIO", "ESTALE", "EDQUOT", "EMFILE", "ETXTBSY"] as const;
export type Code = (typeof CODES)[number];

export interface Disturbance {
  /** Number of the call, from 1 on. */
  readonly at: number;
  readonly code: Code;
  readonly lasting: boolean;
}

/** Virtual milliseconds for which a lasting fault lasts, and within which the work has to be done afterwards. */
const LASTS = 30_000;
const HEALS = 60_000;

export class Disturbed {
  readonly #world = new World();
  readonly #work: Work;
  readonly #disturbance: Disturbance | null;
  /** Releases as they were, by name. */
  readonly #before: ReadonlyMap<string, string>;
  readonly #disk: Disk;
  #calls = 0;
  /** The call that was hit; null before. */
  #hit: Call | null = null;
  readonly said = new Set<string>();

  constructor(work: Work, disturbance: Disturbance | null) {
    const world = this.#world;
    this.#work = work;
    this.#disturbance = disturbance;
    this.#disk = Disk.of(savedStates(work.store), work.store.root, { device: 9, now: () => world.clock.now() });
    world.fs.attach(STORE, this.#disk);
    world.keys = [KEY];
    world.answer = mirrorOf(world.clock, work.archive);
    world.beforeCall = (call) => this.#disturb(call);
    this.#before = this.#releases();
  }

  get text(): string {
    const { at, code, lasting } = this.#disturbance ?? { at: 0, code: "none", lasting: false };
    const { method, path } = this.#hit ?? { method: "never", path: "made" };
    return `${this.#work.name}, ${code} ${lasting ? "from" : "at"} call ${at} (${method} ${path})`;
  }

  /** The calls that it takes. */
  async undisturbed(): Promise<number> {
    await this.#start();
    for (let waited = 0; !this.#isDone(); waited += 50) {
      if (waited > HEALS) throw new Error(`not done: ${JSON.stringify(this.#world.state)}`);
      await this.#world.clock.advance(50);
    }
    const calls = this.#calls;
    await this.#world.stop();
    return calls;
  }

  /** What was wrong with it; none if nothing was. */
  async disturbed(): Promise<string[]> {
    const violations: string[] = [];
    await this.#start();
    for (let waited = 0; waited < LASTS; waited += 1_000) {
      await this.#world.clock.advance(1_000);
      this.#listen();
    }
    violations.push(...this.#damage());
    if (this.#disturbance?.lasting && !this.#isDone() && !this.#isTold()) violations.push("nothing was said");
    this.#world.beforeCall = () => undefined;
    for (const disk of [this.#disk, this.#world.fs.disk]) disk.readOnly = false;
    for (let waited = 0; !this.#isDone() && waited < HEALS; waited += 1_000) await this.#world.clock.advance(1_000);
    if (!this.#isDone()) violations.push(`not done: ${problemsOf(this.#world.state).map(show).join("; ")}`);
    violations.push(...this.#damage(), ...this.#leftovers());
    await this.#world.stop();
    return [...new Set(violations)];
  }

  async #start(): Promise<void> {
    await this.#world.start(this.#work.orders);
    await settle();
  }

  #disturb(call: Call): void {
    this.#calls++;
    if (this.#disturbance === null) return;
    const { at, code, lasting } = this.#disturbance;
    const isHit = this.#calls === at;
    if (isHit) this.#hit = call;
    // A disk that is read-only says so in the list of mounts.
    if (code === "EROFS" && lasting && isHit && call.disk !== null) call.disk.readOnly = true;
    const fails = isHit || (lasting && code !== "EROFS" && this.#hit !== null && meets(code, call, this.#hit));
    if (fails) throw failure(code, call.method, call.path.slice(call.path.lastIndexOf("/") + 1));
  }

  #isDone(): boolean {
    const { state } = this.#world;
    if (state === null || problemsOf(state).length > 0 || !this.#work.isTold(state)) return false;
    return this.#work.goes === null || (!this.#releases().has(this.#work.goes) && this.#names(TRASH).length === 0);
  }

  #listen(): void {
    for (const problem of problemsOf(this.#world.state)) {
      this.said.add(`${this.#disturbance?.code}: ${show(problem)}`);
    }
  }

  /** In the state, by a problem or by a store that is not writable; or in the journal, where it is the state that fails. */
  #isTold(): boolean {
    const { state } = this.#world;
    const shown = problemsOf(state);
    if (state?.store.mounted && !state.store.writable) return true;
    if (shown.length > 0) return shown.every(({ code }) => code !== "agent-fault");
    const { code } = this.#disturbance ?? { code: "none" };
    return this.#world.logged.some((line) => line.includes(code));
  }

  #damage(): string[] {
    const { stays, comes, goes } = this.#work;
    const now = this.#releases();
    const known = [stays, comes, goes];
    const changed = [...this.#before].flatMap(([name, before]) => {
      const same = now.get(name) === before || (name === goes && !now.has(name));
      return same ? [] : [`${name} was changed`];
    });
    const strange = [...now.keys()].filter((name) => !known.includes(name)).map((name) => `${name} was published`);
    const isHalf = comes !== null && now.has(comes) && !now.get(comes)?.includes("manifest.json");
    return [...changed, ...strange, ...(isHalf ? ["published without manifest"] : [])];
  }

  #leftovers(): string[] {
    const left = [STAGING, PARTIAL, TRASH].flatMap((name) => this.#names(name));
    const { descriptors, logged } = this.#world;
    for (const line of logged)
      this.said.add(`${this.#disturbance?.code} logged ${line.split("\n")[0]?.replace(/[0-9a-f-]{36}/, "…")}`);
    return [
      ...(left.length > 0 ? [`left over: ${left.join(", ")}`] : []),
      ...(descriptors > 0 ? [`${descriptors} descriptors left open`] : []),
    ];
  }

  #names(directory: string): string[] {
    return [...entriesOf(this.#disk.root, directory).keys()];
  }

  /** Everything about what is published but its times, by name. */
  #releases(): Map<string, string> {
    const releases = [...entriesOf(this.#disk.root, RELEASES)];
    return new Map(releases.map(([name, node]) => [name, describe(node, name).join("\n")]));
  }
}

/** Whether a lasting fault that began with one call meets another one. */
function meets(code: Code, call: Call, began: Call): boolean {
  const opens = ["openDirectory", "openFile", "createFile", "take", "mounts"].includes(call.method);
  // The limit is the process's; all else is the disk's.
  if (code === "EMFILE") return opens;
  if (call.disk !== began.disk) return false;
  if (code === "EIO" || code === "ESTALE") return true;
  // Nothing of this keeps anybody from removing what is there.
  return call.changes && !["unlink", "removeDirectory", "chmod"].includes(call.method);
}

function problemsOf(state: AgentState | null): Problem[] {
  if (state === null) return [];
  const { store, fetchProblem, problems } = state;
  return [store.problem, fetchProblem, ...Object.values(problems)].filter((problem) => problem !== null);
}

function show({ code, message, blocked }: Problem): string {
  return `${blocked ? "blocked" : "waiting"} ${code}: ${message}`;
}

function describe(node: Node, path: string): string[] {
  const line = `${path} ${node.kind} ${node.inode} ${node.mode.toString(8)} ${contents(node)}`;
  const below = node.kind === "directory" ? [...node.entries] : [];
  return [line, ...below.flatMap(([name, entry]) => describe(entry, `${path}/${name}`))];
}

function contents(node: Node): string {
  if (node.kind === "link") return node.target;
  return node.kind === "file" ? createHash("sha256").update(node.buffer.subarray(0, node.size)).digest("hex") : "";
}
