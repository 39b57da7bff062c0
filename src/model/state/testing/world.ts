/** For tests: drives a model as a supervisor would, with functions for charms. Every step is checked for consistency. */
import type { Operation, ToolReply } from "../../contract.ts";
import { type Ending, type MachineChange, ModelState, type RunPlace, type StateRun } from "../model.ts";

export interface Hook {
  readonly unit: string;
  /** `config-changed`; `action:backup`, `exec` for what is no hook. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly run: StateRun;
  readonly world: World;
  /** Runs a hook command as words; throws if it fails. Returns stdout without the newline. */
  tool(...words: string[]): string;
  /** The same, whatever comes of it. */
  try(words: readonly string[], stdin?: string): ToolReply;
  /** JSON output, parsed. */
  json(...words: string[]): unknown;
}

/** What a charm does in a hook; returns an exit code or an ending, nothing = 0. */
export type Charm = (hook: Hook) => number | Ending | void;

export const PLACE: RunPlace = {
  charmDirectory: "/var/lib/juju/agents/unit/charm",
  toolsDirectory: "/var/lib/juju/tools/unit",
  apiAddresses: ["10.0.0.1:17070", "10.0.0.2:17070"],
  socket: { address: "/var/lib/juju/agents/unit/agent.socket", network: "unix" },
  base: "ubuntu@24.04",
  resourcePath: (name) => `/var/lib/juju/agents/unit/resources/${name}/file`,
};

/** Pseudo-random bytes that are the same for the same seed. */
export function seeded(seed: number): (count: number) => Uint8Array {
  let state = seed >>> 0 || 1;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
}

export class World {
  model: ModelState;
  now = Date.UTC(2026, 0, 1);
  charm: Charm = () => undefined;
  readonly files: Record<string, string> = {};
  /** What each unit ran, in its order: `db-relation-joined UNIT=pg/0`. */
  readonly trace: Record<string, string[]> = {};
  readonly #random = seeded(7);

  constructor(options: Partial<Parameters<typeof ModelState.create>[0]> = {}) {
    this.model = ModelState.create({ name: "test", now: this.now, random: this.#random, ...options });
  }

  /** Boots machines that are new and starts the agents on them. */
  boot(change: MachineChange = {}): void {
    const { machines, units } = this.model.data;
    for (const machine of Object.values(machines)) {
      if (machine.agent.current !== "pending" || machine.life === "dead") continue;
      const address = `10.0.0.${10 + Number(machine.id)}`;
      this.model.setMachine(machine.id, { status: "started", message: "Running", address, ...change }, this.now);
    }
    for (const unit of Object.values(units)) {
      if (!unit.agent.everStarted) this.model.agentStarted(unit.name, this.now, { rebooted: false });
      this.checked();
    }
  }

  checked(): void {
    const wrong = this.model.check();
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
  }

  next(unit: string): Operation | null {
    const operation = this.model.nextOperation(unit, this.now);
    this.checked();
    return operation;
  }

  begin(unit: string, operation: Operation): Hook {
    const run = this.model.begin(unit, operation, PLACE, this.now);
    this.checked();
    const hook: Hook = {
      unit,
      name: nameOf(operation),
      environment: run.environment,
      run,
      world: this,
      try: (words, stdin) => this.#tool(run, words, stdin),
      tool: (...words) => {
        const reply = this.#tool(run, words);
        if (reply.code !== 0) throw new Error(`${words.join(" ")}: ${reply.stderr}`);
        return reply.stdout.replace(/\n$/, "");
      },
      json: (...words) => JSON.parse(this.#tool(run, [...words, "--format=json"]).stdout),
    };
    return hook;
  }

  #tool(run: StateRun, [command = "", ...args]: readonly string[], stdin: string | null = null): ToolReply {
    return run.tool({ command, args, cwd: "/charm", stdin }, this.now, (path) => {
      const content = this.files[path];
      if (content === undefined) throw new Error(`ENOENT: ${path}`);
      return content;
    });
  }

  finish(hook: Hook, ending: Ending): void {
    this.model.finish(hook.run, ending, this.now);
    this.checked();
  }

  /** Runs the unit's next operation to its end; false if there is none. */
  step(unit: string): boolean {
    const operation = this.next(unit);
    if (operation === null) return false;
    const hook = this.begin(unit, operation);
    if (operation.kind !== "deploy" && operation.kind !== "terminate") this.#note(hook);
    const result = this.charm(hook) ?? 0;
    this.finish(hook, typeof result === "number" ? exit(result) : result);
    return true;
  }

  #note({ unit, name, environment }: Hook): void {
    const shown = [
      ["APP", environment["JUJU_REMOTE_UNIT"] === "" ? environment["JUJU_REMOTE_APP"] : undefined],
      ["UNIT", environment["JUJU_REMOTE_UNIT"] || undefined],
      ["DEPARTING", environment["JUJU_DEPARTING_UNIT"]],
    ].filter(([, value]) => value !== undefined);
    (this.trace[unit] ??= []).push([name, ...shown.map(([key, value]) => `${key}=${value}`)].join(" "));
  }

  /** Until nobody has anything to do. */
  settle(): void {
    for (let rounds = 0; rounds < 1000; rounds++) {
      const units = Object.keys(this.model.data.units);
      const busy = units.map((unit) => this.step(unit));
      if (!busy.includes(true)) return;
    }
    throw new Error("the model does not come to rest");
  }

  /** Takes what was traced so far and starts over. */
  traced(unit: string): string[] {
    const lines = this.trace[unit] ?? [];
    this.trace[unit] = [];
    return lines;
  }

  forget(): void {
    for (const unit of Object.keys(this.trace)) this.trace[unit] = [];
  }

  /** Lets time pass in steps of deadlines, settling at each. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let deadline = this.model.nextDeadline(); deadline !== null && deadline <= end;) {
      this.now = Math.max(this.now, deadline);
      this.model.tick(this.now);
      this.settle();
      const following = this.model.nextDeadline();
      if (following !== null && following <= deadline) throw new Error(`deadline ${following} does not pass`);
      deadline = following;
    }
    this.now = end;
    this.model.tick(this.now);
    this.settle();
  }
}

export function exit(code: number, stdout = "", stderr = ""): Ending {
  return { exit: code, stdout, stderr };
}

function nameOf(operation: Operation): string {
  if (operation.kind === "hook") return operation.hook.name;
  return operation.kind === "action" ? `action:${operation.name}` : operation.kind;
}
