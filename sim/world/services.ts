/** systemd and the processes of Concourse on one machine, as far as charm and agent can tell. */
import { AGENT_SERVICE, CONFIG_HASH, WEB_SERVICE, WORKER_SERVICE } from "../../src/concourse/services.ts";
import { FILES } from "../../src/concourse/settings.ts";
import { NOT_RUNNING, type ServiceFacts } from "../../src/charm/facts.ts";
import type { Verb } from "../../src/charm/plan.ts";

export interface ServicesWorld {
  readonly now: () => number;
  readonly steady: () => number;
  readonly later: (milliseconds: number, work: () => void) => void;
  /** A file that the charm has written on this machine. */
  readonly file: (path: string) => string | null;
  /** Name of the release that a program started now comes from; null if there is none to be read. */
  readonly program: () => string | null;
  /** A process has begun or ended: its directory in /proc, and systemd's sign. */
  readonly process: (service: string, pid: number, alive: boolean) => void;
  readonly agent: { readonly start: () => void; readonly kill: () => void };
}

interface Service extends ServiceFacts {
  /** By the steady clock. */
  readonly listensAt: number;
}

const STOPPED: Service = { ...NOT_RUNNING, listensAt: 0 };
/** A web takes that long to answer, and a worker to register. */
const START_MS = 800;
const REGISTERED_MS = 4_000;
const RESTART_MS = 2_000;
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  [WEB_SERVICE]: FILES.webEnvironment,
  [WORKER_SERVICE]: FILES.workerEnvironment,
};

export class Services {
  readonly #world: ServicesWorld;
  #units = new Map<string, Service>();
  #pids = 100;

  constructor(world: ServicesWorld) {
    this.#world = world;
  }

  get(name: string): Service {
    return this.#units.get(name) ?? STOPPED;
  }

  facts(): Record<string, ServiceFacts> {
    return Object.fromEntries(
      [WEB_SERVICE, WORKER_SERVICE, AGENT_SERVICE].map((name) => {
        const { listensAt: _, ...facts } = this.get(name);
        return [name, facts];
      }),
    );
  }

  /** Releases that processes of Concourse run from at the moment. */
  *running(): Generator<string> {
    for (const { pid, release } of this.#units.values()) if (pid > 0 && release !== null) yield release;
  }

  control(name: string, verb: Verb): void {
    const enabled = verb === "start" || verb === "restart";
    if (verb === "start" && this.get(name).pid > 0) return this.#set(name, { enabled });
    this.#end(name, "inactive");
    this.#set(name, { enabled, restarts: 0 });
    if (enabled) this.#begin(name);
  }

  /** The process is gone; systemd starts another one. */
  crash(name: string): void {
    if (this.get(name).pid === 0) return;
    this.#end(name, "activating");
    this.#again(name);
  }

  /** The machine has lost its power; what is enabled starts when it has it again. */
  powerOff(): void {
    for (const name of this.#units.keys()) this.#end(name, "inactive");
  }

  powerOn(): void {
    for (const [name, { enabled }] of this.#units) if (enabled) this.#begin(name);
  }

  /** What `systemctl show` prints for the agent. */
  show(names: readonly string[]): string {
    return names
      .map((name) => {
        const { active, pid, restarts } = this.get(name);
        return `Id=${name}\nActiveState=${active}\nMainPID=${pid}\nNRestarts=${restarts}\n`;
      })
      .join("\n");
  }

  #begin(name: string): void {
    if (name === AGENT_SERVICE) {
      const config = /^Environment=CHARM_CONFIG=(.*)$/m.exec(this.#unitText(name))?.[1] ?? null;
      this.#run(name, { release: null, config });
      this.#world.agent.start();
      return;
    }
    const release = this.#world.program();
    if (release === null) {
      this.#set(name, { active: "activating", pid: 0 });
      return this.#again(name);
    }
    const environment = this.#world.file(ENVIRONMENTS[name] ?? "") ?? "";
    const config = environment.match(new RegExp(`^${CONFIG_HASH}="?([^"\n]*)`, "m"))?.[1] ?? null;
    this.#run(name, { release, config });
  }

  #unitText(name: string): string {
    return this.#world.file(`/etc/systemd/system/${name}`) ?? "";
  }

  #run(name: string, started: { readonly release: string | null; readonly config: string | null }): void {
    const pid = this.#pids++;
    const since = Math.floor(this.#world.now() / 1000);
    const listensAt = this.#world.steady() + (name === WORKER_SERVICE ? REGISTERED_MS : START_MS);
    this.#set(name, { active: "active", pid, since, listensAt, ...started });
    this.#world.process(name, pid, true);
  }

  #again(name: string): void {
    this.#world.later(name === AGENT_SERVICE ? RESTART_MS / 2 : RESTART_MS, () => {
      const { enabled, pid, active, restarts } = this.get(name);
      if (!enabled || pid > 0 || active !== "activating") return;
      this.#set(name, { restarts: restarts + 1 });
      this.#begin(name);
    });
  }

  #end(name: string, active: string): void {
    const { pid } = this.get(name);
    this.#set(name, { active, pid: 0, release: null, config: null });
    if (pid === 0) return;
    this.#world.process(name, pid, false);
    if (name === AGENT_SERVICE) this.#world.agent.kill();
  }

  #set(name: string, change: Partial<Service>): void {
    this.#units.set(name, { ...this.get(name), ...change });
  }
}
