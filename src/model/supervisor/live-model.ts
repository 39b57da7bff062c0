/** A model in the supervisor's hands: its state, its record on disk, its log, and who wants to know of changes. */

import { randomBytes } from "node:crypto";
import type { Network } from "../../machines/machine.ts";
import { ModelState } from "../state/model.ts";
import { DebugLog, type Level } from "./debug-log.ts";
import type { ModelPaths } from "./paths.ts";
import { readRecord, writeRecord, type ModelRecord } from "./record.ts";

export class LiveModel {
  readonly paths: ModelPaths;
  readonly network: Network;
  readonly record: ModelRecord;
  readonly state: ModelState;
  readonly log: DebugLog;
  readonly #listeners = new Set<() => void>();
  #scheduled = false;
  /** What was written last: the state's revision, and the rest of the record as text. */
  #written = { revision: -1, rest: "" };

  constructor(paths: ModelPaths, network: Network) {
    this.paths = paths;
    this.network = network;
    this.record = readRecord(paths);
    this.log = new DebugLog(paths.debugLog);
    const { name, uuid, juju, state } = this.record;
    this.state =
      state === null || state === undefined
        ? ModelState.create({ name, uuid, juju, now: this.now(), random: randomBytes })
        : ModelState.restore(state, randomBytes);
  }

  now(): number {
    return Date.now();
  }

  /** To be called after every use of the state that may have changed it; what follows happens once for many calls. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.save();
      for (const listener of this.#listeners) listener();
    });
  }

  /** The same after a use of the state that mostly changes nothing: a hook command. */
  maybeChanged(): void {
    this.#drainLog();
    if (this.state.revision !== this.#written.revision) this.changed();
  }

  /** Writes record and log now, where they differ from what is written. A kill at any later moment loses nothing that was changed before. */
  save(): void {
    this.#drainLog();
    const { state: _old, ...others } = this.record;
    const now = { revision: this.state.revision, rest: JSON.stringify(others) };
    if (now.revision === this.#written.revision && now.rest === this.#written.rest) return;
    this.record.state = this.state.snapshot();
    writeRecord(this.paths, this.record);
    this.#written = now;
  }

  #drainLog(): void {
    for (const entry of this.state.drainLog()) this.log.write(entry);
  }

  /** Calls back after every change; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first value other than undefined that `probe` gives, asked now and after every change. */
  async until<T>(probe: () => T | undefined, signal?: AbortSignal): Promise<T> {
    const now = probe();
    if (now !== undefined) return now;
    return new Promise((resolve, reject) => {
      const end = this.onChange(() => {
        try {
          const value = probe();
          if (value === undefined) return;
          resolve(value);
        } catch (error) {
          reject(error as Error);
        }
        end();
      });
      signal?.addEventListener("abort", () => {
        end();
        reject(new Error("the caller has gone"));
      });
    });
  }

  /** A line of the supervisor itself. */
  note(level: Level, entity: string, message: string): void {
    this.log.write({ time: this.now(), entity, level, module: "concourse-machine", message });
  }
}
