/** Ports of 127.0.0.1 on this host. */

import { once } from "node:events";
import { createServer } from "node:net";
import { UserError } from "../errors.ts";

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  } finally {
    server.close();
  }
}

/** @throws UserError if something listens there. */
export async function requireFree(port: number): Promise<void> {
  if (port < 1 || port > 65535) throw new UserError(`invalid port ${port}`);
  if (!(await isFree(port)))
    throw new UserError(`port ${port} of this host is in use`, "Choose another one, or end what listens there");
}

/** The first free port from `first` on. */
export async function firstFree(first: number): Promise<number> {
  for (let port = first; port <= 65535; port++) if (await isFree(port)) return port;
  throw new UserError(`no port from ${first} on is free on this host`);
}
