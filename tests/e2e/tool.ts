/** `concourse-machine` as a person calls it, with files and models of its own; and a way to wait for what status shows. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StatusData, UnitStatus } from "../../src/model/state/types.ts";
import { request } from "../../src/model/supervisor/protocol.ts";
import { scratchDirectory } from "../fixtures/scratch.ts";

const PROGRAM = join(import.meta.dirname, "../../src/cli/main.ts");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Tool {
  readonly directory: string;
  readonly model: string;

  readonly #outside: readonly string[] | null;

  private constructor(directory: string, model: string, outside: readonly string[] | null) {
    this.directory = directory;
    this.model = model;
    this.#outside = outside;
  }

  /** @param outside words before each command, for models with a way out: it leads where they put it */
  static async create(model: string, outside: readonly string[] | null = null): Promise<Tool> {
    return new Tool(scratchDirectory("cm-"), model, outside);
  }

  /** The tool's own data directory: `directory` is where it is called, and outlives it. */
  get data(): string {
    return join(this.directory, "data");
  }

  get modelDirectory(): string {
    return join(this.data, "models", this.model);
  }

  /** A model that it makes is isolated, so that nothing of this host is changed. */
  async run(...args: string[]): Promise<Ran> {
    const isolated = ["up", "add-model"].includes(args[0] ?? "") && this.#outside === null;
    const words = [process.execPath, PROGRAM, ...args, ...(isolated ? ["--isolated"] : [])];
    const there = this.#outside === null ? [] : [...this.#outside, "env", `--chdir=${this.directory}`];
    const [program = "", ...rest] = [...there, ...words];
    const child = spawn(program, rest, {
      env: { ...process.env, CONCOURSE_MACHINE_DATA: this.data },
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
    const [code] = (await once(child, "close")) as [number];
    return { code, ...output };
  }

  /** Standard output of a command that must succeed. */
  async ok(...args: string[]): Promise<string> {
    const ran = await this.run(...args);
    if (ran.code !== 0) throw new Error(`${args.join(" ")} ended with ${ran.code}: ${ran.stderr}${ran.stdout}`);
    return ran.stdout;
  }

  /** What a command prints in a unit. */
  inUnit(unit: string, script: string): Promise<string> {
    return this.ok("exec", "--unit", unit, "--", script);
  }

  /** Waits, with the supervisor's own stream of pictures, until `condition` holds. */
  async until(what: string, condition: (status: StatusData) => boolean, timeout = 60_000): Promise<StatusData> {
    const done = new AbortController();
    const limit = AbortSignal.timeout(timeout);
    let last: StatusData | undefined;
    let met = false;
    const look = (event: unknown): void => {
      last = event as StatusData;
      if (!condition(last)) return;
      met = true;
      done.abort();
    };
    // Starts the supervisor if a test has killed it.
    await this.ok("status", "-m", this.model);
    const socket = join(this.modelDirectory, "supervisor.sock");
    await request(socket, "follow", {}, look, AbortSignal.any([done.signal, limit])).catch((error: unknown) => {
      if (!done.signal.aborted && !limit.aborted) throw error;
    });
    if (!met || last === undefined)
      throw new Error(`${what} did not happen in ${timeout} ms: ${JSON.stringify(last?.applications)}`);
    return last;
  }

  /** Process id of the model's supervisor. */
  async supervisor(): Promise<number> {
    return Number(await readFile(join(this.modelDirectory, "supervisor.pid"), "utf8"));
  }

  /** Waits until all named units are active and idle; no names = all there are. */
  active(...units: string[]): Promise<StatusData> {
    return this.until(`${units.join(", ") || "every unit"} active`, (status) => {
      const all = unitsOf(status);
      const wanted = units.length === 0 ? Object.values(all) : units.map((unit) => all[unit]);
      return (
        wanted.length > 0 &&
        wanted.every((unit) => unit?.workload.current === "active" && unit.agent.current === "idle")
      );
    });
  }

  async remove(): Promise<void> {
    await this.run("down", "-m", this.model, "--yes");
    await rm(this.directory, { recursive: true, force: true });
  }
}

export function unitsOf(status: StatusData): Record<string, UnitStatus> {
  return Object.assign({}, ...Object.values(status.applications).map((application) => application.units));
}
