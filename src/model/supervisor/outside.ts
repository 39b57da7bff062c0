/**
 * The supervisor's child in the host's own network. The supervisor lives in the model's network, so two things need a
 * foot outside: ports of 127.0.0.1 that `expose` opens, and the connections of the model's HTTP proxy. Both are joined
 * to the supervisor by Unix sockets, which know no network namespaces. Ends when the supervisor does.
 */

import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join as joinSockets, readLine } from "./splice.ts";

export type OutsideOrder =
  | {
      readonly kind: "open";
      readonly application: string;
      readonly unitPort: number;
      readonly hostPort: number;
      readonly exact: boolean;
    }
  | { readonly kind: "close"; readonly application: string };

export type OutsideReport =
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly application: string; readonly unitPort: number; readonly hostPort: number }
  | { readonly kind: "failed"; readonly application: string; readonly message: string };

const LAST_PORT = 65535;

/** Listens on the first free port from `hostPort` on, or on that one only. */
async function listenFrom(server: Server, hostPort: number, exact: boolean): Promise<number> {
  for (let port = hostPort; port <= LAST_PORT; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => {
          server.off("error", reject);
          resolve();
        });
      });
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      if (exact) throw new Error(`port ${port} of this host is in use`);
    }
  }
  throw new Error(`no free port on this host from ${hostPort} on`);
}

function relay(client: Socket, inward: string, application: string, unitPort: number): void {
  const upstream = connect(inward);
  upstream.once("connect", () => {
    upstream.write(`${JSON.stringify({ application, port: unitPort })}\n`);
    joinSockets(client, upstream);
  });
  upstream.once("error", () => client.destroy());
}

/** One connection of the model's proxy: a line `{"host", "port"}`, answered by a line, then the bytes. */
async function dial(client: Socket): Promise<void> {
  const { host, port } = JSON.parse(await readLine(client)) as { host: string; port: number };
  const upstream = connect({ host, port });
  upstream.once("error", (error) => client.end(`${error.message}\n`));
  upstream.once("connect", () => {
    client.write("ok\n");
    joinSockets(client, upstream);
  });
}

export function runOutside(inward: string, outward: string): void {
  const report = (message: OutsideReport): void => void process.send?.(message);
  const open = new Map<string, Server>();

  const close = (application: string): void => {
    open.get(application)?.close();
    open.delete(application);
  };

  const obey = async (order: OutsideOrder): Promise<void> => {
    close(order.application);
    if (order.kind === "close") return;
    const { application, unitPort } = order;
    const server = createServer((client) => relay(client, inward, application, unitPort));
    open.set(application, server);
    try {
      report({
        kind: "opened",
        application,
        unitPort,
        hostPort: await listenFrom(server, order.hostPort, order.exact),
      });
    } catch (error) {
      open.delete(application);
      report({ kind: "failed", application, message: (error as Error).message });
    }
  };

  rmSync(outward, { force: true });
  const proxy = createServer((client) => {
    client.on("error", () => client.destroy());
    dial(client).catch(() => client.destroy());
  });
  proxy.listen(outward, () => report({ kind: "ready" }));
  process.on("message", (order) => void obey(order as OutsideOrder));
  process.on("disconnect", () => process.exit(0));
}

const [inward, outward] = process.argv.slice(2);
if (import.meta.main && inward !== undefined && outward !== undefined) runOutside(inward, outward);
