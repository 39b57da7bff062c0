/**
 * Every error number at every file system call of an install by the real agent: once, and lasting. Each time the unit
 * says what is wrong and what to do, nothing that was published is touched, nothing half is published, and the install
 * goes on by itself when it stops.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import type { AgentState, Orders, Problem } from "../../src/agent/contract.ts";
import { parseReleaseName, releaseName } from "../../src/store/layout.ts";
import { makeArchive, mirrorOf, type TestArchive } from "../../tests/unit/agent/archive.ts";
import { settle, STORE, World } from "../../tests/unit/agent/world.ts";
import { Disk } from "../disk/disk.ts";
import { savedStates } from "../disk/images.ts";
import type { Log } from "../disk/log.ts";
import { failure, type Node } from "../disk/nodes.ts";
import type { Call } from "../disk/process.ts";

export const CODES = ["ENOSPC", "EROFS", "EIO", "ESTALE", "EDQUOT", "EMFILE", "ETXTBSY"] as const;
export type Code = (typeof CODES)[number];

export interface ErrnoOptions {
  /** Each n-th call of the install. */
  readonly stride: number;
  /** The first of them, from 1 on. */
  readonly first?: number;
  readonly codes?: readonly Code[];
}

export interface ErrnoCounts {
  /** Calls of one undisturbed install. */
  readonly calls: number;
  readonly cases: number;
  /** What units said, with how often. */
  readonly said: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

/** Virtual milliseconds for which a lasting fault lasts, and within which the install has to be done afterwards. */
const LASTS = 30_000;
const HEALS = 60_000;

const KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs1", format: "pem" })
  .toString();

export async function errnoSuite({ stride, first = 1, codes = CODES }: ErrnoOptions): Promise<ErrnoCounts> {
  const setting = await prepare();
  const calls = await new Install(setting, null).undisturbed();
  const said = new Map<string, number>();
  const violations: string[] = [];
  let cases = 0;
  for (let at = first; at <= calls; at += stride) {
    for (const code of codes) {
      for (const lasting of [false, true]) {
        cases++;
        const install = new Install(setting, { at, code, lasting });
        for (const violation of await install.disturbed()) violations.push(`${install.text}: ${violation}`);
        for (const text of install.said) said.set(text, (said.get(text) ?? 0) + 1);
      }
    }
  }
  return { calls, cases, said, violations };
}

export function showErrnos({ calls, cases, said, violations }: ErrnoCounts): string {
  const lines = [...said].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([text, count]) => `  ${count} × ${text}`);
  return [`${calls} calls, ${cases} cases, ${violations.length} violations; said:`, ...lines, ...violations].join("\n");
}

interface Setting {
  readonly old: TestArchive;
  readonly next: TestArchive;
  /** A store with the old release. */
  readonly store: Log;
}

async function prepare(): Promise<Setting> {
  const [old, next] = [await makeArchive("7.14.3", 3_000), await makeArchive("7.15.0", 3_000)];
  const world = new World();
  const disk = world.disk();
  world.fs.attach(STORE, disk);
  world.fs.put(`${STORE}/.lxc_shared_storage`, "");
  world.answer = mirrorOf(world.clock, old);
  await world.start({ target: old.target, fetch: true });
  await world.clock.advance(5_000);
  await world.stop();
  if (world.state.fetch?.step !== "published") throw new Error("the old release was not published");
  return { old, next, store: disk.record() };
}

interface Disturbance {
  /** Number of the call, from 1 on. */
  readonly at: number;
  readonly code: Code;
  readonly lasting: boolean;
}

/** One install of the new release beside the old one. */
class Install {
  readonly #world = new World();
  readonly #setting: Setting;
  readonly #disturbance: Disturbance | null;
  readonly #before: string;
  readonly #disk: Disk;
  #calls = 0;
  /** The disk of the call that was hit; null before. */
  #hit: Call | null = null;
  readonly said = new Set<string>();

  constructor(setting: Setting, disturbance: Disturbance | null) {
    const world = this.#world;
    this.#setting = setting;
    this.#disturbance = disturbance;
    this.#disk = Disk.of(savedStates(setting.store), setting.store.root, { device: 9, now: () => world.clock.now() });
    world.fs.attach(STORE, this.#disk);
    world.keys = [KEY];
    world.answer = mirrorOf(world.clock, setting.next);
    world.beforeCall = (call) => this.#disturb(call);
    this.#before = this.#tree(releaseName(setting.old.target));
  }

  get text(): string {
    const { at, code, lasting } = this.#disturbance ?? { at: 0, code: "none", lasting: false };
    return `${code} ${lasting ? "from" : "at"} call ${at} (${this.#hit?.method} ${this.#hit?.path})`;
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
    const orders: Partial<Orders> = {
      store: { ...this.#world.orders.store, lease: [releaseName(this.#setting.old.target)] },
      target: this.#setting.next.target,
      fetch: true,
      workerKey: true,
    };
    await this.#world.start(orders);
    await settle();
  }

  #disturb(call: Call): void {
    this.#calls++;
    const { at, code, lasting } = this.#disturbance ?? { at: 0, code: CODES[0], lasting: false };
    if (this.#calls === at) this.#hit = call;
    // A disk that is read-only says so in the list of mounts.
    if (code === "EROFS" && lasting && this.#calls === at && call.disk !== null) call.disk.readOnly = true;
    const fails =
      this.#calls === at || (lasting && code !== "EROFS" && this.#hit !== null && meets(code, call, this.#hit));
    if (fails) throw failure(code, call.method, call.path.slice(call.path.lastIndexOf("/") + 1));
  }

  #isDone(): boolean {
    const { release, fetch, lease, workerPublicKey } = this.#world.state ?? {};
    const there = release?.sha256 === this.#setting.next.target.sha256 && release.verified;
    const done = there && fetch?.step === "published" && lease !== null && workerPublicKey !== null;
    return done === true && problemsOf(this.#world.state).length === 0;
  }

  #listen(): void {
    for (const problem of problemsOf(this.#world.state)) {
      this.said.add(`${this.#disturbance?.code}: ${show(problem)}`);
    }
  }

  /** In the state; or in the journal, where it is the state that cannot be written. */
  #isTold(): boolean {
    const shown = problemsOf(this.#world.state);
    return shown.length > 0 ? shown.every(({ code }) => code !== "agent-fault") : this.#world.logged.length > 0;
  }

  #damage(): string[] {
    const violations = [];
    const [old, next] = [this.#setting.old.target, this.#setting.next.target].map((target) => releaseName(target));
    if (this.#tree(old ?? "") !== this.#before) violations.push("the old release was changed");
    const names = this.#world.fs.names(`${STORE}/releases`).filter((name) => name !== old);
    if (names.some((name) => parseReleaseName(name) === null || name !== next)) violations.push(`published: ${names}`);
    if (names.length > 0 && !this.#tree(next ?? "").includes("manifest.json"))
      violations.push("published without manifest");
    return violations;
  }

  #leftovers(): string[] {
    const left = ["staging", "partial", "trash"].flatMap((name) => this.#world.fs.names(`${STORE}/${name}`));
    const { descriptors, logged } = this.#world;
    for (const line of logged)
      this.said.add(`${this.#disturbance?.code} logged ${line.split("\n")[0]?.replace(/[0-9a-f-]{36}/, "…")}`);
    return [
      ...(left.length > 0 ? [`left over: ${left.join(", ")}`] : []),
      ...(descriptors > 0 ? [`${descriptors} descriptors left open`] : []),
    ];
  }

  /** Everything about a release but its times. */
  #tree(name: string): string {
    const releases = this.#disk.root.entries.get("releases");
    const release = releases?.kind === "directory" ? releases.entries.get(name) : undefined;
    return release === undefined ? "" : describe(release, name).join("\n");
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
