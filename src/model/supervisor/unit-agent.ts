/** The agent of one unit: asks the state what is next, and does it in the unit's machine. */

import { join } from "node:path";
import type { Machine } from "../../machines/machine.ts";
import type { Operation } from "../contract.ts";
import type { Ending, RunPlace, StateRun } from "../state/model.ts";
import { jujuOf } from "../state/juju-line.ts";
import { agentFiles, agentScript, unitPaths, unitTag } from "./agent-files.ts";
import { obsoleteFiles, programFor, readManifest } from "./charm-archive.ts";
import { AGENT_PATH, readMachineFile, runInMachine } from "./in-machine.ts";
import { killContexts } from "./leftovers.ts";
import type { LiveModel } from "./live-model.ts";
import { spawnRun } from "./spawn-run.ts";

/** Where a unit's controller is said to be: nothing but hook commands listens there. */
export const API_PORT = 17070;
export const HOOK_PORT = 17071;

export class UnitAgent {
  readonly unit: string;
  readonly #model: LiveModel;
  #machine: Machine | null = null;
  /** As the machine's os-release says, `debian@12`. */
  #base = "";
  readonly #runs = new Map<string, { readonly run: StateRun; readonly ended: Promise<void> }>();

  constructor(model: LiveModel, unit: string) {
    this.#model = model;
    this.unit = unit;
  }

  /** Number of the machine where it works; null = not connected. */
  get machine(): string | null {
    return this.#machine?.id ?? null;
  }

  /** Puts the agent's files in place and lets the unit's work begin, or go on. */
  async connect(machine: Machine): Promise<void> {
    const { state, network } = this.#model;
    const files = await agentFiles(this.unit, jujuOf(state.data), `${network.address}/${HOOK_PORT}`);
    const answer = await runInMachine(machine, ["/bin/sh", "-c", agentScript(this.unit)], files);
    const [rebooted, base = ""] = answer.trim().split("\n");
    this.#base = base;
    this.#machine = machine;
    state.agentStarted(this.unit, this.#model.now(), { rebooted: rebooted === "yes" });
    this.#model.changed();
  }

  /** Begins nothing more until it is connected again. */
  pause(): void {
    this.#machine = null;
  }

  /** `shutdown`: what ran has been ended by signals and is run again; `kill`: it died with its agent. */
  async disconnect(how: "shutdown" | "kill"): Promise<void> {
    this.pause();
    const ends = [...this.#runs.values()].map(({ ended }) => ended);
    if (how === "kill") this.#runs.clear();
    else await Promise.all(ends);
    this.#model.state.agentStopped(this.unit, this.#model.now());
    this.#model.changed();
  }

  get busy(): boolean {
    return this.#runs.size > 0;
  }

  /** Does whatever can be done now. To be called after every change of the model. */
  pump(): void {
    const machine = this.#machine;
    if (machine === null) return;
    for (;;) {
      const operation = this.#model.state.nextOperation(this.unit, this.#model.now());
      if (operation === null) return;
      this.#begin(machine, operation);
    }
  }

  /** Reads a file of the machine for a hook command. */
  readFile(path: string): string {
    if (this.#machine === null) throw new Error(`open ${path}: machine is down`);
    return readMachineFile(this.#machine, path);
  }

  #begin(machine: Machine, operation: Operation): void {
    const { state, record } = this.#model;
    const run = state.begin(this.unit, operation, this.#place(), this.#model.now());
    record.running.push(run.contextId);
    this.#model.save();
    const ended = this.#perform(machine, run).then((ending) => {
      record.running = record.running.filter((id) => id !== run.contextId);
      if (!this.#runs.delete(run.contextId)) return;
      state.finish(run, ending, this.#model.now());
      this.#model.changed();
    });
    this.#runs.set(run.contextId, { run, ended });
    this.#model.changed();
  }

  async #perform(machine: Machine, run: StateRun): Promise<Ending> {
    try {
      const { operation } = run;
      switch (operation.kind) {
        case "deploy":
          await this.#unpack(machine);
          return { exit: 0, stdout: "", stderr: "" };
        case "terminate":
          return { exit: 0, stdout: "", stderr: "" };
        case "exec":
          return await this.#spawn(machine, run, ["/bin/bash", "-c", operation.script]);
        default:
          return await this.#runCharm(machine, run);
      }
    } catch (error) {
      this.#model.note("ERROR", unitTag(this.unit), (error as Error).message);
      return { exit: 1, stdout: "", stderr: (error as Error).message };
    }
  }

  async #runCharm(machine: Machine, run: StateRun): Promise<Ending> {
    const { operation } = run;
    const scriptPath =
      operation.kind === "hook" ? `hooks/${operation.hook.name}` : `actions/${(operation as { name: string }).name}`;
    const tar = this.#model.record.unpacked[this.unit];
    if (tar === undefined) throw new Error("charm missing from disk");
    const program = programFor(await readManifest(tar), scriptPath);
    if (program.kind === "missing") return { missing: true };
    const path = program.kind === "dispatch" ? "dispatch" : program.path;
    return this.#spawn(machine, run, [join(unitPaths(this.unit).charm, path)]);
  }

  #spawn(machine: Machine, run: StateRun, argv: readonly string[]): Promise<Ending> {
    const paths = unitPaths(this.unit);
    const environment = {
      ...run.environment,
      PATH: `${paths.tools}:${AGENT_PATH}`,
      LANG: "C.UTF-8",
      TERM: this.#base.startsWith("ubuntu@") ? "tmux-256color" : "screen",
    };
    const logger = loggerName(run);
    return spawnRun(machine.command(argv, environment, paths.charm), (level, message) => {
      if (logger === null) return;
      const entity = unitTag(this.unit);
      this.#model.log.write({ time: this.#model.now(), entity, level, module: logger, message });
    }).outcome;
  }

  /** Unpacks the charm over what is there: files that only the old one had go, unknown files stay. */
  async #unpack(machine: Machine): Promise<void> {
    const { state, record } = this.#model;
    const target = state.targetCharm(this.unit).path;
    const before = record.unpacked[this.unit];
    const obsolete = before === undefined ? [] : obsoleteFiles(await readManifest(before), await readManifest(target));
    const script = 'set -e; mkdir -p "$0"; cd "$0"; [ $# = 0 ] || rm -f -- "$@"; exec tar -x --no-same-owner -p -f -';
    const argv = ["/bin/sh", "-c", script, unitPaths(this.unit).charm, ...obsolete];
    await runInMachine(machine, argv, { file: target });
    record.unpacked[this.unit] = target;
  }

  #place(): RunPlace {
    const paths = unitPaths(this.unit);
    return {
      charmDirectory: paths.charm,
      toolsDirectory: paths.tools,
      apiAddresses: [`${this.#model.network.address}:${API_PORT}`],
      socket: { address: paths.agentSocket, network: "unix" },
      base: this.#base,
      resourcePath: (resource) => this.#resourcePath(resource),
    };
  }

  /** The application's files of resources are mounted read-only in every unit: nothing is copied. */
  #resourcePath(resource: string): string {
    const { data } = this.#model.state;
    const application = data.applications[this.unit.split("/")[0] ?? ""];
    const filename = data.charms[application?.charm ?? ""]?.info.resources[resource]?.filename;
    if (application?.resources[resource] === undefined || filename === undefined) {
      throw new Error(`resource#${application?.name}/${resource} not found`);
    }
    return join(unitPaths(this.unit).resources, resource, filename);
  }

  /** Ends the processes of a run at once: a reboot asked for from within, a cancelled action. */
  kill(contextId: string): void {
    if (this.#runs.has(contextId)) killContexts([contextId]);
  }

  /** Ends all that runs. */
  end(): void {
    this.pause();
    killContexts(this.contexts());
  }

  /** Context ids of what runs now. */
  contexts(): string[] {
    return [...this.#runs.keys()];
  }
}

/** Logger of a hook's or action's output; what an exec prints goes to its caller only. */
function loggerName(run: StateRun): string | null {
  const { operation } = run;
  if (operation.kind === "hook") return `unit.${run.unit}.${operation.hook.name}`;
  return operation.kind === "action" ? `unit.${run.unit}.${operation.name}` : null;
}
