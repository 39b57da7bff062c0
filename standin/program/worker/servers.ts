/** The worker's own servers: containers, volumes, and the health check. */

import { get, type RequestListener, type Server, type ServerResponse } from "node:http";
import { Failure } from "../failure.ts";
import { serve } from "../lifecycle.ts";
import { messageOf } from "../log.ts";
import type { Settings } from "../settings.ts";
import { AT_LEAST_8_2 } from "../version.ts";
import { baggageclaim, garden, send } from "./volumes.ts";

export async function startServers(settings: Settings): Promise<Server[]> {
  const at = (prefix: string, handler: RequestListener) =>
    serve(settings.text(`${prefix}bind-ip`), settings.number(`${prefix}bind-port`), handler);
  const none: RequestListener = (_request, response) => send(response, 404, null);
  return [
    await member("garden", at("", garden())),
    await member("baggageclaim", at("baggageclaim-", baggageclaim(settings.text("work-dir")))),
    await member("debug", at("debug-", none)),
    await member("baggageclaim", at("baggageclaim-debug-", none)),
    await member(
      "healthcheck",
      at("healthcheck-", (_request, response) => void checkHealth(settings, response)),
    ),
  ];
}

/** A server that cannot listen ends the worker with upstream's report. */
async function member(name: string, server: Promise<Server>): Promise<Server> {
  try {
    return await server;
  } catch (error) {
    throw new Failure(`Exit trace for group:\n${name} exited with error: ${messageOf(error)}\n`);
  }
}

/** Any answer of the two servers counts, whatever its status (worker/healthchecker.go). */
async function checkHealth(settings: Settings, response: ServerResponse): Promise<void> {
  const timeout = settings.duration("healthcheck-timeout");
  const base = (prefix: string) => `http://${settings.text(`${prefix}bind-ip`)}:${settings.text(`${prefix}bind-port`)}`;
  const [garden, baggageclaim] = await Promise.all([
    answers(`${base("")}/ping`, timeout),
    answers(`${base("baggageclaim-")}/volumes`, timeout),
  ]);
  const body = { garden: { healthy: garden }, baggageclaim: { healthy: baggageclaim } };
  send(response, garden && baggageclaim ? 200 : 503, AT_LEAST_8_2 ? body : null);
}

function answers(url: string, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent: false, signal: AbortSignal.timeout(timeout) }, (response) => {
      response.resume();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}
