/** One unit in memory with virtual time: the real agent, a charm that answers as told, a mirror, systemd, a web. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { serveUnit } from "../../../src/agent/agent.ts";
import type { AgentState, DatabaseOrders, Orders, Preflight } from "../../../src/agent/contract.ts";
import { matters } from "../../../src/agent/matters.ts";
import type { AgentPorts } from "../../../src/agent/ports.ts";
import type { Places } from "../../../src/agent/world.ts";
import type { Clock, Dir, ExecResult, Held, HttpRequest, HttpResponse } from "../../../src/ports.ts";
import { Disk } from "../../../sim/disk/disk.ts";
import { Machine } from "../../../sim/disk/machine.ts";
import { failure } from "../../../sim/disk/nodes.ts";
import type { Call, Process } from "../../../sim/disk/process.ts";

export const PLACES: Places = {
  orders: "/unit/orders.json",
  state: "/unit/state.json",
  clusterSecret: "/unit/new-cluster-secret.json",
  workerKey: "/etc/concourse/worker_key",
};
export const STORE = "/var/lib/concourse";
export const MIRROR = "http://mirror";
export const MEMBER = "0a1b2c3d-ci-0";

/** Time that only passes when a test says so. */
export class VirtualClock implements Clock {
  #time = 1_000;
  #order = 0;
  readonly #sleepers = new Set<{ readonly until: number; readonly order: number; readonly wake: () => void }>();

  now(): number {
    return 1_700_000_000_000 + this.#time;
  }

  steady(): number {
    return this.#time;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { until: this.#time + Math.max(0, milliseconds), order: this.#order++, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
    });
  }

  /** Lets everything run that is due within the time, each at its moment. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#time = Math.max(this.#time, next.until);
      next.wake();
      await settle();
    }
    this.#time = end;
  }

  #next(end: number) {
    return [...this.#sleepers]
      .filter(({ until }) => until <= end)
      .toSorted((a, b) => a.until - b.until || a.order - b.order)[0];
  }
}

/** Until nothing is left to do but wait for the clock. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Told {
  readonly at: number;
  readonly what: "wake" | "status" | "resource" | "systemctl" | "apt";
  readonly text: string;
}

export type Answer = (request: HttpRequest) => Promise<{
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}>;

interface Life {
  readonly controller: AbortController;
  readonly process: Process;
  alive: boolean;
}

export class World {
  readonly clock = new VirtualClock();
  readonly fs = new Machine("m", { now: () => this.clock.now() });
  /** What every change of a file below a path fails with, while set. */
  failing: { readonly below: string; readonly code: string } | null = null;
  /** False: nothing tells of changed directories. */
  watches = true;
  /** Looked at before each call on files, which waits for it: what it throws, the call throws. */
  beforeCall: (call: Call) => void | Promise<void> = () => undefined;
  readonly told: Told[] = [];
  readonly logged: string[] = [];
  readonly requests: string[] = [];
  /** What the charm does when it is woken, after `hookMs`. */
  charm: (state: AgentState) => Promise<ExecResult> | ExecResult = (state) => this.acknowledge(state.sequence);
  hookMs = 200;
  answer: Answer = async ({ url }) => {
    throw Object.assign(new Error(`nobody at ${url}`), { code: "ECONNREFUSED" });
  };
  services: Record<string, { active: string; pid: number; restarts: number }> = {};
  database = { ready: true, host: "db", port: 5432, problem: null } as NonNullable<AgentState["database"]>;
  databaseCalls: DatabaseOrders[] = [];
  journal = "";
  apt: () => ExecResult = () => ({ code: 0, signal: null, stdout: "", stderr: "" });
  tryWorker: () => Promise<void> = async () => undefined;
  preflight: Preflight = { installing: null, lacks: [] };
  /** When a web last looked for builds to follow. */
  tracked: () => string | null = () => null;
  keysMade = 0;
  /** Private keys to hand out. */
  keys: readonly string[] = [];
  lockedBy: string | null = null;
  orders: Orders = plainOrders();
  /** The state as the charm knew it when it acknowledged last. */
  #acted: AgentState | null = null;
  #uuids = 0;
  #disks = 100;
  #life: Life | null = null;
  #served: Promise<void> = Promise.resolve();

  constructor() {
    for (const path of ["/unit", "/etc/concourse", STORE, "/proc", "/run/systemd/units"]) {
      this.fs.makeDirectories(path);
    }
  }

  /** Starts the agent; the orders are on disk by then. */
  async start(change: Partial<Orders> = {}): Promise<void> {
    this.order(change);
    const process = this.fs.process("agent", (call) => this.#before(call));
    const life = { controller: new AbortController(), process, alive: true };
    this.#life = life;
    const settings = { places: PLACES, program: "p".repeat(64) };
    this.#served = serveUnit(this.#ports(life), settings, life.controller.signal);
    await settle();
  }

  /** `kill -9`: nothing it was about to do happens any more, and its lock is free. */
  kill(): void {
    if (this.#life !== null) this.#life.alive = false;
    this.#life?.process.kill();
    this.#life = null;
    this.#served = Promise.resolve();
    if (this.lockedBy === MEMBER) this.lockedBy = null;
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#life?.controller.abort();
    await this.#served;
    this.kill();
  }

  order(change: Partial<Orders>): void {
    this.orders = { ...this.orders, ...change };
    this.fs.put(PLACES.orders, JSON.stringify(this.orders), 0o600);
  }

  /** `acted`: the state the charm has read, the present one unless told otherwise. */
  acknowledge(sequence: number, acted: AgentState = this.state): ExecResult {
    this.#acted = acted;
    this.order({ acknowledged: sequence });
    return { code: 0, signal: null, stdout: "", stderr: "" };
  }

  /** What the charm has not been told though it should be. */
  untold(): string[] {
    return matters(this.#acted, this.state, this.orders);
  }

  get state(): AgentState {
    return JSON.parse(this.fs.text(PLACES.state) ?? "null") as AgentState;
  }

  wakes(): Told[] {
    return this.told.filter(({ what }) => what === "wake");
  }

  statuses(): Told[] {
    return this.told.filter(({ what }) => what === "status");
  }

  /** A disk of its own, to be mounted. */
  disk(): Disk {
    return new Disk({ device: this.#disks++, now: () => this.clock.now() });
  }

  /** Descriptors that the agent has open. */
  get descriptors(): number {
    return this.#life?.process.descriptors ?? 0;
  }

  #before(call: Call): void | Promise<void> {
    const { failing } = this;
    if (failing !== null && call.changes && call.path.startsWith(failing.below)) throw failure(failing.code);
    return this.beforeCall(call);
  }

  #ports(life: Life): AgentPorts {
    const { clock } = this;
    const { process } = life;
    /** A dead process gets no answers. */
    const living = async <T>(work: () => Promise<T>): Promise<T> => {
      const result = life.alive ? await work() : null;
      return life.alive ? (result as T) : new Promise<never>(() => undefined);
    };
    return {
      fs: process.fs,
      lock: { take: (dir, name) => this.#lock(process, dir, name) },
      http: { send: (request) => living(() => this.#send(request)) },
      inflate: {
        gunzip: async function* (compressed) {
          const pieces: Uint8Array[] = [];
          for await (const piece of compressed) pieces.push(piece);
          yield gunzipSync(Buffer.concat(pieces));
        },
      },
      hash: {
        sha256: () => {
          const hash = createHash("sha256");
          return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
        },
      },
      exec: { run: (argv) => living(() => this.#exec(argv)) },
      clock: {
        now: () => clock.now(),
        steady: () => clock.steady(),
        sleep: (milliseconds, signal) => living(() => clock.sleep(milliseconds, signal)),
      },
      random: {
        uuid: () => `00000000-0000-4000-8000-${String(this.#uuids++).padStart(12, "0")}`,
        bytes: (count) => new Uint8Array(count).map((_, index) => (index * 37 + this.#uuids++) % 256),
        fraction: () => 0.5,
      },
      watch: (directory, changed) => (this.watches ? process.watch(directory, changed) : () => undefined),
      keys: {
        rsa: () =>
          living(async () => {
            await clock.sleep(1_500);
            return this.keys[this.keysMade++ % this.keys.length] ?? "";
          }),
        passwordHash: async (password) => `$2b$10$${password.length}`,
      },
      database: {
        prepare: async (orders) => {
          this.databaseCalls.push(orders);
          return this.database;
        },
        lastTracked: async () => this.tracked(),
      },
      preflight: async () => this.preflight,
      tryWorker: () => this.tryWorker(),
      log: (line) => {
        if (life.alive) this.logged.push(line);
      },
    };
  }

  async #lock(process: Process, dir: Dir, name: string): Promise<Held | null> {
    if (this.lockedBy !== null) return null;
    const held = await process.lock.take(dir, name);
    if (held === null) return null;
    this.lockedBy = MEMBER;
    return {
      valid: () => held.valid(),
      release: async () => {
        this.lockedBy = null;
        await held.release();
      },
    };
  }

  async #exec(argv: readonly string[]): Promise<ExecResult> {
    const result = (code: number, stdout = "", stderr = "") => ({ code, signal: null, stdout, stderr });
    const at = this.clock.steady();
    if (argv[0] === "systemctl") {
      this.told.push({ at, what: "systemctl", text: argv.join(" ") });
      return result(
        0,
        argv
          .slice(argv.indexOf("--") + 1)
          .map((name) => this.#shown(name))
          .join("\n"),
      );
    }
    if (argv[0] === "journalctl") return result(0, this.journal);
    if (argv[0] === "env") {
      this.told.push({ at, what: "apt", text: argv.join(" ") });
      return this.apt();
    }
    const script = argv.at(-1) ?? "";
    if (script.startsWith("resource-get")) {
      this.told.push({ at, what: "resource", text: script });
      return result(1, "", "ERROR could not download resource");
    }
    if (script.startsWith("status-set")) {
      this.told.push({ at, what: "status", text: script });
      await this.clock.sleep(50);
      return result(0);
    }
    this.told.push({ at, what: "wake", text: script });
    await this.clock.sleep(this.hookMs);
    return this.charm(this.state);
  }

  #shown(name: string): string {
    const { active, pid, restarts } = this.services[name] ?? { active: "inactive", pid: 0, restarts: 0 };
    return `Id=${name}\nActiveState=${active}\nMainPID=${pid}\nNRestarts=${restarts}\n`;
  }

  async #send(request: HttpRequest): Promise<HttpResponse> {
    this.requests.push(`${request.method ?? "GET"} ${request.url}`);
    const refused = new Promise<never>((_, reject) => {
      request.signal?.addEventListener("abort", () => reject(request.signal?.reason));
    });
    refused.catch(() => undefined);
    const { status, headers = {}, body = "" } = await Promise.race([this.answer(request), refused]);
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const whole = bytes instanceof Uint8Array;
    return {
      status,
      headers: whole ? { "content-length": String(bytes.length), ...headers } : headers,
      url: request.url,
      body: whole ? once(bytes) : bytes,
      cancel: () => undefined,
    };
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

export function plainOrders(): Orders {
  return {
    schema: 1,
    unit: "ci/0",
    modelUuid: "0a1b2c3d-0000-4000-8000-000000000000",
    charmDirectory: "/var/lib/juju/agents/unit-ci-0/charm",
    acknowledged: 0,
    stopping: false,
    store: {
      kind: "mount",
      path: STORE,
      id: null,
      mayCreate: true,
      application: "0a1b2c3d-ci",
      related: ["0a1b2c3d-ci"],
      member: MEMBER,
      lease: [],
      keep: [],
    },
    source: {
      resource: false,
      mirrors: [MIRROR],
      digest: null,
      known: {},
      githubToken: null,
      httpProxy: null,
      httpsProxy: null,
      noProxy: null,
    },
    resolve: null,
    target: null,
    fetch: false,
    workerKey: false,
    clusterSecret: false,
    database: null,
    web: null,
    probe: null,
    services: [],
  };
}
