/** What every HTTP answer needs, and nothing of what it says. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { VERSION } from "../version.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store, private",
  "Content-Security-Policy": "frame-ancestors 'none'",
  "X-Concourse-Version": VERSION,
  "X-Content-Type-Options": "nosniff",
  "X-Download-Options": "noopen",
  "X-Frame-Options": "deny",
  "X-Xss-Protection": "1; mode=block",
};

/** Largest request body taken, in bytes. */
const LARGEST_BODY = 1024 * 1024;

export function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  const content = type === "" ? {} : { "Content-Type": type };
  response.writeHead(status, { ...HEADERS, ...content, "Content-Length": Buffer.byteLength(body) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, "application/json", `${JSON.stringify(value)}\n`);
}

export function redirect(response: ServerResponse, status: number, location: string): void {
  response.setHeader("Location", location);
  send(response, status, "text/html; charset=utf-8", "");
}

export async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > LARGEST_BODY) throw new Error("request body too large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
