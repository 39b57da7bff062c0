/** Baggageclaim's volumes and Garden's containers, as far as an empty one of each goes. */

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";

type Answer = readonly [status: number, body: unknown];
type Body = Readonly<Record<string, unknown>>;

/** (concourse/concourse, worker/baggageclaim/routes.go, api/volume_server.go) */
export function baggageclaim(workDirectory: string): RequestListener {
  const volumes = new Map<string, { handle: string; path: string; properties: object; privileged: boolean }>();
  const place = (handle: string): string => join(workDirectory, "volumes/live", handle);

  function create({ handle, strategy, properties }: Body): Answer {
    const { type, volume } = (strategy ?? {}) as { type?: string; volume?: string };
    const name = String(handle);
    if (type === "cow" && !volumes.has(String(volume))) return [422, { error: "failed to create volume" }];
    if (type !== "empty" && type !== "cow") return [422, { error: "unrecognized strategy" }];
    const path = join(place(name), "volume");
    mkdirSync(path, { recursive: true });
    const made = { handle: name, path, properties: (properties ?? {}) as object, privileged: false };
    volumes.set(name, made);
    return [201, made];
  }

  return answering(async (request, path) => {
    const handle = /^\/volumes\/([^/]+)$/.exec(path)?.[1];
    if (path === "/volumes" && request.method === "POST") return create((await json(request)) as Body);
    if (path === "/volumes") return [200, [...volumes.values()]];
    if (handle === undefined) return [404, null];
    const found = volumes.get(handle);
    if (!found) return [404, { error: "volume not found" }];
    if (request.method !== "DELETE") return [200, found];
    volumes.delete(handle);
    rmSync(place(handle), { recursive: true, force: true });
    return [204, null];
  });
}

/** (cloudfoundry/garden, routes/routes.go, server/request_handling.go) */
export function garden(): RequestListener {
  const handles = new Set<string>();
  return answering(async (request, path) => {
    if (path === "/ping" || path === "/capacity") return [200, {}];
    if (path === "/containers" && request.method === "POST") {
      const { handle, rootfs } = (await json(request)) as Body;
      if (!String(rootfs ?? "").startsWith("raw:///")) return [500, { Type: "", Message: "rootfs must not be empty" }];
      handles.add(String(handle));
      return [200, { Handle: handle }];
    }
    if (path === "/containers") return [200, { Handles: [...handles] }];
    const handle = /^\/containers\/([^/]+)$/.exec(path)?.[1];
    if (handle === undefined || request.method !== "DELETE") return [404, null];
    return handles.delete(handle)
      ? [200, {}]
      : [404, { Type: "ContainerNotFoundError", Message: "unknown handle", Handle: handle }];
  });
}

function answering(handle: (request: IncomingMessage, path: string) => Promise<Answer>): RequestListener {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://worker");
    handle(request, pathname).then(
      ([status, body]) => send(response, status, body),
      (error: unknown) => send(response, 400, { error: String(error) }),
    );
  };
}

export function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, body === null ? {} : { "Content-Type": "application/json" });
  response.end(body === null ? "" : `${JSON.stringify(body)}\n`);
}
