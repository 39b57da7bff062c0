/** Keeps one connected worker registered (concourse/concourse, tsa/heartbeater.go). */

import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { Worker, Workers } from "./workers.ts";

export interface HeartbeatParts {
  readonly workers: Workers;
  readonly log: Log;
  /** Milliseconds; the worker stalls after twice that. */
  readonly interval: number;
  /** Called after the first registration and after each heartbeat. */
  readonly event: (name: "registered" | "heartbeated") => void;
}

/** Between attempts to register, and while the worker or the database does not answer. */
const RETRY_MS = 1000;

/** Registers and heartbeats until the worker has landed or is gone, or `signal` is aborted. */
export async function keepRegistered(worker: Worker, parts: HeartbeatParts, signal: AbortSignal): Promise<void> {
  try {
    while (!(await register(worker, parts))) await delay(RETRY_MS, undefined, { signal });
    parts.event("registered");
    let pause = parts.interval;
    for (;;) {
      await delay(pause, undefined, { signal });
      const state = await beat(worker, parts);
      if (state === "landed" || state === "gone") return;
      pause = state === "healthy" ? parts.interval : RETRY_MS;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function register(worker: Worker, parts: HeartbeatParts): Promise<boolean> {
  try {
    await countContents(worker);
    if (await parts.workers.register(worker, 2 * parts.interval)) return true;
    parts.log.error("connection.channel.command.register.bad-response", null, { "status-code": 400 });
  } catch (error) {
    parts.log.error("connection.channel.command.register.failed-to-register", error);
  }
  return false;
}

async function beat(worker: Worker, parts: HeartbeatParts): Promise<"healthy" | "unhealthy" | "landed" | "gone"> {
  try {
    await countContents(worker);
    const state = await parts.workers.heartbeat(worker, 2 * parts.interval);
    if (state === null) return "gone";
    parts.event("heartbeated");
    return state === "landed" ? "landed" : "healthy";
  } catch (error) {
    parts.log.error("connection.channel.command.heartbeat.failed-to-heartbeat", error);
    return "unhealthy";
  }
}

/** Asks the worker's two servers, through the tunnel, what they hold. */
async function countContents(worker: Worker): Promise<void> {
  const containers = (await getJson(`http://${worker.addr}/containers`)) as { Handles?: unknown[] };
  const volumes = (await getJson(`${worker.baggageclaim_url}/volumes`)) as unknown[] | null;
  worker.active_containers = containers.Handles?.length ?? 0;
  worker.active_volumes = volumes?.length ?? 0;
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(60_000) });
  return response.json();
}
