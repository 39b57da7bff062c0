/** The units' way out, where there is one: an HTTP proxy on the bridge address (CONNECT, and plain requests for http). */

import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { join } from "./splice.ts";

export type Dial = (host: string, port: number) => Promise<Socket>;

/** `host:port`, with an IPv6 host in brackets. */
function splitAuthority(authority: string): { host: string; port: number } {
  const url = new URL(`http://${authority}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 80) };
}

async function tunnel(message: IncomingMessage, client: Duplex, head: Buffer, dial: Dial): Promise<void> {
  client.on("error", () => client.destroy());
  const { host, port } = splitAuthority(message.url ?? "");
  try {
    const upstream = await dial(host, port);
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    upstream.write(head);
    join(client, upstream);
  } catch (error) {
    client.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\n${(error as Error).message}\n`);
  }
}

async function forward(message: IncomingMessage, response: ServerResponse, dial: Dial): Promise<void> {
  try {
    const url = new URL(message.url ?? "");
    const socket = await dial(url.hostname.replace(/^\[|\]$/g, ""), Number(url.port || 80));
    const { "proxy-connection": _hop, ...headers } = message.headers;
    const upstream = request({
      method: message.method,
      path: url.pathname + url.search,
      headers,
      createConnection: () => socket,
    });
    message.pipe(upstream);
    const [answer] = (await once(upstream, "response")) as [IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  } catch (error) {
    response.writeHead(502, { "content-type": "text/plain" }).end(`${(error as Error).message}\n`);
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
