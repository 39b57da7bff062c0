/** Juju's verbs, spoken through whatever program an engine names; output shapes as of Juju 3.6 (cmd/juju). */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Change, StatusDocument } from "./evidence.ts";

/** What a controller says for a moment: of a model that it has just made, or while it takes another worker in (Juju 4.0.15). */
const PASSING =
  /catacomb \S+ is dying|connection is shut down|database is locked|model cache: model .* not found|try again/i;
/** Milliseconds before each further try. */
const AGAIN = [1_000, 2_000, 4_000, 8_000];
/** Entries asked for of a status log: more than any run of the scenario makes. */
const WHOLE_LOG = 1000;

export class Juju {
  readonly #words: readonly string[];
  readonly #model: string;
  readonly #signal: AbortSignal;

  constructor(words: readonly string[], model: string, signal: AbortSignal) {
    this.#words = words;
    this.#model = model;
    this.#signal = signal;
  }

  /** Standard output of a verb, tried again while what it says is passing. @throws Error with what it said if it fails. */
  async call(verb: string, ...args: readonly string[]): Promise<string> {
    for (const pause of AGAIN) {
      try {
        return await this.#once(verb, args);
      } catch (error) {
        if (!PASSING.test((error as Error).message)) throw error;
        await delay(pause, undefined, { signal: this.#signal });
      }
    }
    return this.#once(verb, args);
  }

  async #once(verb: string, args: readonly string[]): Promise<string> {
    const [program = "", ...words] = this.#words;
    // A group of its own: Ctrl-C is ours to answer, by the signal.
    const child = spawn(program, [...words, verb, "-m", this.#model, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      signal: this.#signal,
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${verb} ended with ${code ?? "a signal"}: ${output.stderr.trim()}`);
    return output.stdout;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse(await this.call("status", "--format", "json")) as StatusDocument;
  }

  /** `type`: `workload`, `juju-unit` or `juju-machine`. */
  async log(entity: string, type: string): Promise<Change[]> {
    const words = ["--type", type, "-n", String(WHOLE_LOG), "--format", "json", entity];
    const entries = JSON.parse(await this.call("show-status-log", ...words)) as {
      status: string;
      message?: string;
      since: string;
    }[];
    return entries.map(({ status, message = "", since }) => ({ at: Date.parse(since), status, message }));
  }

  /** Unit → what the script printed there. @throws Error if it fails anywhere. */
  async exec(units: readonly string[], script: string): Promise<Record<string, string>> {
    if (units.length === 0) return {};
    const answers = await this.#tasks("exec", "--unit", units.join(","), "--format", "json", "--", script);
    return Object.fromEntries(units.map((unit) => [unit, String(answers[unit]?.["stdout"] ?? "")]));
  }

  /** Unit → results of an action. */
  async action(units: readonly string[], action: string): Promise<Record<string, Record<string, unknown>>> {
    if (units.length === 0) return {};
    return this.#tasks("run", ...units, action, "--format", "json");
  }

  async #tasks(verb: string, ...args: string[]): Promise<Record<string, Record<string, unknown>>> {
    const answers = JSON.parse(await this.call(verb, ...args)) as Record<string, { results?: Record<string, unknown> }>;
    return Object.fromEntries(Object.entries(answers).map(([unit, { results = {} }]) => [unit, results]));
  }
}
