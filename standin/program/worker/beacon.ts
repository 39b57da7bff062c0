/** Keeps the worker registered until it is told to leave (concourse/concourse, worker/beacon.go, beacon_runner.go). */

import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import { CommandFailed, Unreachable, type TsaClient } from "./tsa-client.ts";

const RETRY_MS = 5000;

export interface BeaconParts {
  readonly client: TsaClient;
  readonly log: Log;
  readonly worker: object;
  readonly ports: { readonly garden: number; readonly baggageclaim: number };
}

export class Beacon {
  readonly #parts: BeaconParts;
  readonly #stopping = new AbortController();
  #draining = false;
  #retiring = false;
  /** An order to drain that the gateway did not take ends the process, as upstream's does. */
  readonly #drainFailed = Promise.withResolvers<never>();

  constructor(parts: BeaconParts) {
    this.#parts = parts;
  }

  /** SIGUSR1: no new work; the process ends once the web says that the worker has landed. */
  land(): void {
    this.#drain("land");
  }

  /** SIGUSR2: likewise, and the worker is gone for good. */
  retire(): void {
    this.#retiring = true;
    this.#drain("retire");
  }

  /** SIGTERM: now. After a retire the worker is deleted first. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Resolves when the worker is not registered any more and will not be again. */
  async run(): Promise<void> {
    const { log } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      try {
        await Promise.race([this.#register(), this.#drainFailed.promise]);
        break;
      } catch (error) {
        if (this.#stopping.signal.aborted) break;
        log.error("beacon-runner.beacon.exited-with-error", error);
        if (this.#mayEnd(error)) return;
        log.error("beacon-runner.failed", error);
        await delay(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        log.info("beacon-runner.restarting");
      }
    }
    if (this.#stopping.signal.aborted) await this.#leave();
  }

  #mayEnd(error: unknown): boolean {
    const { log } = this.#parts;
    if (error instanceof Unreachable && this.#draining) {
      log.info("beacon-runner.exiting", { reason: "all SSH gateways disappeared while draining" });
      return true;
    }
    if (!(error instanceof CommandFailed)) return false;
    log.info("beacon-runner.exiting", { reason: "registration process exited via SSH gateway" });
    return true;
  }

  async #register(): Promise<void> {
    const { client, log, worker, ports } = this.#parts;
    const event = (name: string) => {
      if (name === "registered") log.info("beacon-runner.beacon.registered");
      else log.debug("beacon-runner.beacon.heartbeated");
    };
    await client.register(worker, ports, event, this.#stopping.signal);
    log.info("beacon-runner.beacon.exited");
  }

  #drain(how: "land" | "retire"): void {
    const { client, log, worker } = this.#parts;
    this.#draining = true;
    log.info(`beacon-runner.beacon.drain.${how === "land" ? "landing" : "retiring"}-worker`);
    client.run(`${how}-worker`, worker).catch((error: unknown) => {
      log.error(`beacon-runner.beacon.drain.failed-to-${how}-worker`, error);
      this.#drainFailed.reject(error as Error);
    });
  }

  async #leave(): Promise<void> {
    const { client, log, worker } = this.#parts;
    log.info("beacon-runner.beacon.signal.signalled");
    if (!this.#retiring) return;
    log.info("beacon-runner.beacon.signal.deleting-worker");
    await client.run("delete-worker", worker).catch((error: unknown) => {
      log.error("beacon-runner.beacon.signal.failed-to-delete-worker", error);
    });
  }
}
