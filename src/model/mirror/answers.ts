/** What a mirror answers to a request, and how the bytes of an archive go out. */

import { once } from "node:events";
import { open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bucket } from "./bucket.ts";
import type { Switches } from "./faults.ts";
import type { Files, MirrorFile } from "./files.ts";
import { requestedSpan, type Span } from "./range.ts";

export interface Answer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the body, handed to the network so far. */
  bytes: number;
  /** Aborted when who asked is gone. */
  readonly signal: AbortSignal;
  /** Told of every piece that went out. */
  readonly sent: (bytes: number) => void;
}

export class Answering {
  readonly #files: Files;
  readonly #bucket: Bucket;
  readonly #faults: Switches;

  constructor(files: Files, bucket: Bucket, faults: Switches) {
    this.#files = files;
    this.#bucket = bucket;
    this.#faults = faults;
  }

  /** @throws whatever ends the connection before the answer. */
  async answer(answer: Answer): Promise<void> {
    const { request, response } = answer;
    const { status, html } = this.#faults.now;
    if (status !== null) {
      if (status.retryAfter !== undefined) response.setHeader("Retry-After", status.retryAfter);
      return text(answer, status.code, "text/plain", `fault: ${status.code}\n`);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return text(answer, 405, "text/plain", "method not allowed\n");
    }
    const name = decodeURIComponent(new URL(request.url ?? "/", "http://mirror").pathname.slice(1));
    if (name === "latest.json") return this.#latest(answer);
    if (name.endsWith(".sha256")) return this.#digest(answer, name.slice(0, -".sha256".length));
    const file = await this.#files.find(name);
    if (file === null) return text(answer, 404, "text/plain", "not found\n");
    if (html) {
      const page = "<!DOCTYPE html><html><body><h1>Please log in to the network</h1></body></html>\n";
      return text(answer, 200, "text/html", page);
    }
    return this.#archive(answer, file);
  }

  async #latest(answer: Answer): Promise<void> {
    const version = await this.#files.latest();
    if (version === null) return text(answer, 404, "text/plain", "no release\n");
    return text(answer, 200, "application/json", `${JSON.stringify({ version })}\n`);
  }

  async #digest(answer: Answer, name: string): Promise<void> {
    const file = await this.#files.find(name);
    const fault = this.#faults.now.digest;
    if (file === null || fault === "missing") return text(answer, 404, "text/plain", "not found\n");
    if (fault === "malformed") return text(answer, 200, "text/plain", "no digest here\n");
    const digest = fault === "wrong" ? "0".repeat(64) : await this.#files.digest(file);
    return text(answer, 200, "text/plain", `${digest}  ${name}\n`);
  }

  async #archive(answer: Answer, file: MirrorFile): Promise<void> {
    const { request, response } = answer;
    const { truncated } = this.#faults.now;
    const end = Math.max(0, file.size - (truncated?.bytes ?? 0));
    const shown = truncated?.length === "wrong" ? file : { ...file, size: end };
    const ifRange = request.headers["if-range"];
    const span = requestedSpan(request.headers.range, ifRange as string | undefined, shown);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("ETag", file.etag);
    response.setHeader("Last-Modified", file.modified.toUTCString());
    if (span === "unsatisfiable") {
      response.setHeader("Content-Range", `bytes */${shown.size}`);
      return text(answer, 416, "text/plain", "range not satisfiable\n");
    }
    const { from, to } = span ?? { from: 0, to: shown.size };
    if (span !== null) response.setHeader("Content-Range", `bytes ${from}-${to - 1}/${shown.size}`);
    response.writeHead(span === null ? 200 : 206, { "Content-Type": "application/gzip", "Content-Length": to - from });
    response.flushHeaders();
    if (request.method === "GET") await this.#body(answer, file, { from, to: Math.min(to, end) });
    // Fewer bytes than announced: a broken connection is all that HTTP/1.1 leaves to say so.
    if (request.method === "GET" && to > end) await breakOff(response);
    else response.end();
    await ended(response);
  }

  /** Reads and sends piece by piece; a client that does not keep up is waited for. */
  async #body(answer: Answer, file: MirrorFile, span: Span): Promise<void> {
    const { response, signal } = answer;
    const handle = await open(file.path);
    try {
      let position = span.from;
      while (position < span.to) {
        await this.#faults.whileStalled(signal);
        const buffer = Buffer.allocUnsafe(
          Math.min(this.#bucket.slice, span.to - position, this.#faults.untilCut(answer.bytes)),
        );
        if (buffer.length === 0) {
          this.#faults.useUpCut();
          await breakOff(response);
          return;
        }
        await this.#bucket.take(buffer.length, signal);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) throw new Error(`${file.path} became shorter while it was sent`);
        this.#faults.flip(buffer, position);
        const flowing = response.write(buffer.subarray(0, bytesRead));
        position += bytesRead;
        count(answer, bytesRead);
        if (!flowing) await once(response, "drain", { signal });
      }
    } finally {
      await handle.close();
    }
  }
}

async function text(answer: Answer, code: number, type: string, body: string): Promise<void> {
  const { response } = answer;
  response.writeHead(code, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  const sent = response.req.method === "HEAD" ? "" : body;
  response.end(sent);
  await ended(response);
  count(answer, Buffer.byteLength(sent));
}

function count(answer: Answer, bytes: number): void {
  answer.bytes += bytes;
  answer.sent(bytes);
}

/** Closes the connection once what was written so far is on its way. */
async function breakOff(response: ServerResponse): Promise<void> {
  response.socket?.write("", () => response.destroy());
  await ended(response);
}

/** Resolves when the answer has gone out or its connection has. */
async function ended(response: ServerResponse): Promise<void> {
  if (!response.closed) await once(response, "close");
}
