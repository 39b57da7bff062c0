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

  constructor(paths: ModelPaths, network: Network) {
    this.paths = paths;
    this.network = network;
    this.record = readRecord(paths);
    this.log = new DebugLog(paths.debugLog);
    const { name, uuid, state } = this.record;
    this.state =
      state === null || state === undefined
        ? ModelState.create({ name, uuid, now: this.now(), random: randomBytes })
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

  /** Writes record and log now. A kill at any later moment loses nothing that was changed before. */
  save(): void {
    for (const entry of this.state.drainLog()) this.log.write(entry);
    this.record.state = this.state.snapshot();
    writeRecord(this.paths, this.record);
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
