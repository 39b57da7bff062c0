/**
 * The supervisor's child in the host's own network. The supervisor lives in the model's network, so three things need a foot
 * outside: ports of 127.0.0.1 that `expose` opens, the connections of the model's HTTP proxy, and questions to the host's name
 * servers. Connections are joined to the supervisor by Unix sockets, which know no network namespaces. Ends when the
 * supervisor does.
 */

import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dial, RefusedError } from "./destinations.ts";
import { askHost, dialNameServer } from "./host-names.ts";
import { join as joinSockets, readLine } from "./splice.ts";

export type OutsideOrder =
  | {
      readonly kind: "open";
      readonly application: string;
      readonly unitPort: number;
      readonly hostPort: number;
      readonly exact: boolean;
    }
  | { readonly kind: "close"; readonly application: string }
  /** A question to the host's name servers, base64. */
  | { readonly kind: "ask"; readonly id: number; readonly question: string };

export type OutsideReport =
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly application: string; readonly unitPort: number; readonly hostPort: number }
  | { readonly kind: "failed"; readonly application: string; readonly message: string }
  /** Null if no server of the host answers. */
  | { readonly kind: "answer"; readonly id: number; readonly answer: string | null };

/** First line of a connection that leads out; without a host it leads to a name server of this one. */
export type Wanted = { readonly host: string; readonly port: number } | { readonly host: null };

/** The line that answers it; the connection stands if it has no message. */
export interface Dialled {
  readonly message?: string;
  readonly refused?: boolean;
}

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

/** One connection of the model: a line with where it leads, answered by a line, then the bytes. */
async function leadOut(client: Socket, allowHost: boolean): Promise<void> {
  const wanted = JSON.parse(await readLine(client)) as Wanted;
  const answer = (dialled: Dialled): string => `${JSON.stringify(dialled)}\n`;
  try {
    const upstream = wanted.host === null ? await dialNameServer() : await dial(wanted.host, wanted.port, allowHost);
    if (client.destroyed) return void upstream.destroy();
    client.write(answer({}));
    joinSockets(client, upstream);
  } catch (error) {
    client.end(answer({ message: (error as Error).message, refused: error instanceof RefusedError }));
  }
}

/** @param allowHost whether the model's proxy reaches addresses of this host */
export function runOutside(inward: string, outward: string, allowHost: boolean): void {
  const report = (message: OutsideReport): void => void process.send?.(message);
  const open = new Map<string, Server>();

  const close = (application: string): void => {
    open.get(application)?.close();
    open.delete(application);
  };

  const obey = async (order: OutsideOrder): Promise<void> => {
    if (order.kind === "ask") {
      const answer = await askHost(Buffer.from(order.question, "base64"));
      return report({ kind: "answer", id: order.id, answer: answer?.toString("base64") ?? null });
    }
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
    leadOut(client, allowHost).catch(() => client.destroy());
  });
  proxy.listen(outward, () => report({ kind: "ready" }));
  process.on("message", (order) => void obey(order as OutsideOrder));
  process.on("disconnect", () => process.exit(0));
}

const [inward, outward, reach] = process.argv.slice(2);
if (import.meta.main && inward !== undefined && outward !== undefined) runOutside(inward, outward, reach === "host");
