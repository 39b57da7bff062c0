/** Listening and stopping, alike for web and worker. */

import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Failure } from "./failure.ts";

/** @throws Failure in Go's words if the address is taken. */
export async function listen(server: Server, address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, address, resolve);
  try {
    await promise;
  } catch (error) {
    throw listenFailure(error, address, port);
  }
  server.off("error", reject);
}

export function listenFailure(error: unknown, address: string, port: number): Failure {
  const { code = "", message } = error as NodeJS.ErrnoException;
  const texts: Readonly<Record<string, string>> = {
    EADDRINUSE: "address already in use",
    EACCES: "permission denied",
    EADDRNOTAVAIL: "cannot assign requested address",
  };
  return new Failure(`listen tcp ${address}:${port}: bind: ${texts[code] ?? message}`);
}

export async function serve(address: string, port: number, handler: RequestListener): Promise<Server> {
  const server = createServer(handler);
  await listen(server, address, port);
  return server;
}

export async function serveSecure(
  address: string,
  port: number,
  files: { readonly cert: Buffer; readonly key: Buffer },
  handler: RequestListener,
): Promise<ReturnType<typeof createSecureServer>> {
  const server = createSecureServer({ ...files, minVersion: "TLSv1.2" }, handler);
  await listen(server, address, port);
  return server;
}

/** Resolves with the name of the first of these signals. */
export function signalled(...names: NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of names) process.once(name, resolve);
  });
}
