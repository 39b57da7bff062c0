/** The worker's own servers: containers and volumes, both empty for ever, and the health check. */

import { get, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { Failure } from "../failure.ts";
import { serve } from "../lifecycle.ts";
import { messageOf } from "../log.ts";
import type { Settings } from "../settings.ts";
import { AT_LEAST_8_2 } from "../version.ts";

export async function startServers(settings: Settings): Promise<Server[]> {
  const at = (prefix: string, handler: RequestListener) =>
    serve(settings.text(`${prefix}bind-ip`), settings.number(`${prefix}bind-port`), handler);
  const none: RequestListener = (_request, response) => answer(response, 404, null);
  return [
    await member("garden", at("", garden)),
    await member("baggageclaim", at("baggageclaim-", baggageclaim)),
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

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, body === null ? {} : { "Content-Type": "application/json" });
  response.end(body === null ? "" : `${JSON.stringify(body)}\n`);
}

/** Garden's API (cloudfoundry/garden, routes.go). */
function garden(request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? "/", "http://garden").pathname;
  if (path === "/ping" || path === "/capacity") return answer(response, 200, {});
  if (path === "/containers") return answer(response, 200, { Handles: [] });
  answer(response, 404, null);
}

function baggageclaim(request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? "/", "http://baggageclaim").pathname;
  if (path === "/volumes") return answer(response, 200, []);
  answer(response, 404, null);
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
  answer(response, garden && baggageclaim ? 200 : 503, AT_LEAST_8_2 ? body : null);
}

function answers(url: string, timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent: false, signal: AbortSignal.timeout(timeout) }, (response) => {
      response.resume();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}
