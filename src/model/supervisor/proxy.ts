/** The units' HTTP proxy, on the bridge: CONNECT, and plain requests for http. It is the one way out of an isolated model. */

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RefusedError } from "./destinations.ts";
import { join } from "./splice.ts";

/** @throws RefusedError for what units may not reach. */
export type Dial = (host: string, port: number) => Promise<Socket>;

/** An answer that the proxy gives itself. */
interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
}

const malformed = { status: 400, reason: "Bad Request", text: "This is no request for a proxy" };

function refusal(error: unknown): Refusal {
  const { message } = error as Error;
  return error instanceof RefusedError
    ? { status: 403, reason: "Forbidden", text: `Refused: ${message}` }
    : { status: 502, reason: "Bad Gateway", text: message };
}

/** Host, without the brackets of an IPv6 address, and port; null for what is no URL of http. */
function target(url: string): { host: string; port: number; path: string } | null {
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== "http:" || hostname === "") return null;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80), path: pathname + search };
}

async function tunnel(message: IncomingMessage, client: Duplex, head: Buffer, dial: Dial): Promise<void> {
  client.on("error", () => client.destroy());
  const refuse = ({ status, reason, text }: Refusal): void => {
    client.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${text}\n`);
  };
  const to = target(`http://${message.url ?? ""}`);
  if (to === null) return refuse(malformed);
  try {
    const upstream = await dial(to.host, to.port);
    if (client.destroyed) return void upstream.destroy();
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    upstream.write(head);
    join(client, upstream);
  } catch (error) {
    refuse(refusal(error));
  }
}

async function forward(message: IncomingMessage, response: ServerResponse, dial: Dial): Promise<void> {
  const refuse = ({ status, text }: Refusal): void => {
    // In mid-answer there is nothing left to say: the client sees that it was cut.
    if (response.headersSent) response.destroy();
    else response.writeHead(status, { "content-type": "text/plain" }).end(`${text}\n`);
  };
  const to = target(message.url ?? "");
  if (to === null) return refuse(malformed);
  try {
    const socket = await dial(to.host, to.port);
    const { "proxy-connection": _hop, "proxy-authorization": _ours, ...headers } = message.headers;
    const upstream = request({ method: message.method, path: to.path, headers, createConnection: () => socket });
    const answered = once(upstream, "response") as Promise<[IncomingMessage]>;
    // Whichever fails, the other one is ended by it; what has gone wrong is told where it is waited for.
    response.once("close", () => upstream.destroy());
    pipeline(message, upstream).catch(() => {});
    const [answer] = await answered;
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    await pipeline(answer, response);
  } catch (error) {
    refuse(refusal(error));
  }
}

export async function startProxy(address: string, port: number, dial: Dial): Promise<Server> {
  const server = createServer((message, response) => void forward(message, response, dial));
  server.on(
    "connect",
    (message: IncomingMessage, client: Duplex, head: Buffer) => void tunnel(message, client, head, dial),
  );
  server.listen(port, address);
  await once(server, "listening");
  return server;
}
