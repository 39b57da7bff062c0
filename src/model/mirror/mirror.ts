/**
 * A release mirror as the charm's option `release-mirror` wants one: `concourse-<version>-linux-<arch>.tgz`, its
 * `.sha256`, and `latest.json`. It counts what it sends, can be slowed down, and can be made to fail in all the ways
 * real servers do.
 */

import { createWriteStream, type WriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Bucket } from "./bucket.ts";
import { NO_FAULTS, type Faults } from "./faults.ts";
import { Files, type MirrorFile } from "./files.ts";
import { requestedSpan, type Span } from "./range.ts";

export type { Faults } from "./faults.ts";

export interface MirrorOptions {
  /** Address to listen on; the model's bridge address, or `127.0.0.1`. */
  readonly address: string;
  /** 0 = a free one. */
  readonly port: number;
  /** A directory of archives, or the paths of archives. */
  readonly releases: string | readonly string[];
  /** Request log: one JSON object a line, appended. */
  readonly log?: string;
  /** As {@link Mirror.throttle} takes it; null by default. */
  readonly throttle?: number | null;
}

/** One finished request, as it is logged. Times in milliseconds since the epoch. */
export interface MirrorRequest {
  readonly start: number;
  readonly end: number;
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly status: number;
  /** Bytes of the body handed to the network. */
  readonly bytes: number;
  readonly remote: string;
  /** The connection ended before the answer did. */
  readonly aborted: boolean;
}

export interface MirrorStatus {
  /** `http://<address>:<port>` */
  readonly url: string;
  readonly archives: readonly string[];
  /** Bytes a second; null = not throttled. */
  readonly throttle: number | null;
  readonly faults: Faults;
  /** Requests finished and under way, and bytes of bodies sent, since the mirror was started. */
  readonly requests: number;
  readonly active: number;
  readonly bytes: number;
}

export interface Mirror {
  readonly url: string;
  status(): Promise<MirrorStatus>;
  /** All answers together get so many bytes a second; null = as fast as it goes. At once, also for answers under way. */
  throttle(bytesPerSecond: number | null): void;
  /** Switches the named faults, leaves the others. Resolves when the port is closed or open again. */
  setFaults(faults: Partial<Faults>): Promise<void>;
  clearFaults(): Promise<void>;
  /** Finished requests since the start, oldest first. */
  requests(): readonly MirrorRequest[];
  /** Breaks connections under way and closes the port. */
  close(): Promise<void>;
}

/** Bytes and status of an answer as it goes out. */
interface Answer {
  bytes: number;
  readonly signal: AbortSignal;
}

export async function startMirror(options: MirrorOptions): Promise<Mirror> {
  const mirror = new ReleaseMirror(options);
  await mirror.listen();
  return mirror;
}

class ReleaseMirror implements Mirror {
  readonly #files: Files;
  readonly #address: string;
  readonly #bucket = new Bucket();
  readonly #log: WriteStream | null;
  readonly #finished: MirrorRequest[] = [];
  #port: number;
  #server: Server | null = null;
  #faults: Faults = NO_FAULTS;
  /** Wakes stalled answers when the faults change. */
  #changed = Promise.withResolvers<void>();
  #active = 0;
  #bytes = 0;

  constructor(options: MirrorOptions) {
    this.#files = new Files(options.releases);
    this.#address = options.address;
    this.#port = options.port;
    this.#bucket.rate = options.throttle ?? null;
    this.#log = options.log === undefined ? null : createWriteStream(options.log, { flags: "a" });
  }

  get url(): string {
    return `http://${this.#address}:${this.#port}`;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.listen(this.#port, this.#address);
    await once(server, "listening");
    // A mirror that was down comes back under the same address.
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async status(): Promise<MirrorStatus> {
    return {
      url: this.url,
      archives: await this.#files.names(),
      throttle: this.#bucket.rate,
      faults: this.#faults,
      requests: this.#finished.length,
      active: this.#active,
      bytes: this.#bytes,
    };
  }

  throttle(bytesPerSecond: number | null): void {
    this.#bucket.rate = bytesPerSecond;
  }

  async setFaults(faults: Partial<Faults>): Promise<void> {
    this.#faults = { ...this.#faults, ...faults };
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
    if (this.#faults.down) await this.#stopListening();
    else if (this.#server === null) await this.listen();
  }

  clearFaults(): Promise<void> {
    return this.setFaults(NO_FAULTS);
  }

  requests(): readonly MirrorRequest[] {
    return this.#finished;
  }

  async close(): Promise<void> {
    await this.#stopListening();
    if (this.#log === null || this.#log.closed) return;
    this.#log.end();
    await once(this.#log, "close");
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const start = Date.now();
    const remote = request.socket.remoteAddress ?? "";
    const gone = new AbortController();
    const answer: Answer = { bytes: 0, signal: gone.signal };
    response.on("close", () => gone.abort());
    this.#active += 1;
    try {
      await this.#answer(request, response, answer);
    } catch (error) {
      // Only what the client did ends here quietly: it went away in the middle.
      if (!gone.signal.aborted) response.destroy(error as Error);
    }
    this.#active -= 1;
    this.#record({
      start,
      end: Date.now(),
      method: request.method ?? "",
      path: request.url ?? "",
      range: request.headers.range ?? null,
      status: response.statusCode,
      bytes: answer.bytes,
      remote,
      aborted: !response.writableFinished,
    });
  }

  #record(entry: MirrorRequest): void {
    this.#finished.push(entry);
    this.#log?.write(`${JSON.stringify(entry)}\n`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    const { status } = this.#faults;
    if (status !== null) {
      if (status.retryAfter !== undefined) response.setHeader("Retry-After", status.retryAfter);
      return this.#text(response, answer, status.code, "text/plain", `fault: ${status.code}\n`);
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return this.#text(response, answer, 405, "text/plain", "method not allowed\n");
    }
    const name = decodeURIComponent(new URL(request.url ?? "/", "http://mirror").pathname.slice(1));
    if (name === "latest.json") return this.#latest(response, answer);
    if (name.endsWith(".sha256")) return this.#digest(response, answer, name.slice(0, -".sha256".length));
    const file = await this.#files.find(name);
    if (file === null) return this.#text(response, answer, 404, "text/plain", "not found\n");
    if (this.#faults.html) {
      const page = "<!DOCTYPE html><html><body><h1>Please log in to the network</h1></body></html>\n";
      return this.#text(response, answer, 200, "text/html", page);
    }
    return this.#archive(request, response, answer, file);
  }

  async #latest(response: ServerResponse, answer: Answer): Promise<void> {
    const version = await this.#files.latest();
    if (version === null) return this.#text(response, answer, 404, "text/plain", "no release\n");
    return this.#text(response, answer, 200, "application/json", `${JSON.stringify({ version })}\n`);
  }

  async #digest(response: ServerResponse, answer: Answer, name: string): Promise<void> {
    const file = await this.#files.find(name);
    const fault = this.#faults.digest;
    if (file === null || fault === "missing") return this.#text(response, answer, 404, "text/plain", "not found\n");
    if (fault === "malformed") return this.#text(response, answer, 200, "text/plain", "no digest here\n");
    const digest = fault === "wrong" ? "0".repeat(64) : await this.#files.digest(file);
    return this.#text(response, answer, 200, "text/plain", `${digest}  ${name}\n`);
  }

  async #text(response: ServerResponse, answer: Answer, code: number, type: string, body: string): Promise<void> {
    response.writeHead(code, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
    const sent = response.req.method === "HEAD" ? "" : body;
    response.end(sent);
    await ended(response);
    this.#sent(answer, Buffer.byteLength(sent));
  }

  async #archive(request: IncomingMessage, response: ServerResponse, answer: Answer, file: MirrorFile): Promise<void> {
    const { truncated } = this.#faults;
    const end = Math.max(0, file.size - (truncated?.bytes ?? 0));
    const shown = truncated?.length === "wrong" ? file : { ...file, size: end };
    const ifRange = request.headers["if-range"];
    const span = requestedSpan(request.headers.range, ifRange as string | undefined, shown);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("ETag", file.etag);
    response.setHeader("Last-Modified", file.modified.toUTCString());
    if (span === "unsatisfiable") {
      response.setHeader("Content-Range", `bytes */${shown.size}`);
      return this.#text(response, answer, 416, "text/plain", "range not satisfiable\n");
    }
    const { from, to } = span ?? { from: 0, to: shown.size };
    if (span !== null) response.setHeader("Content-Range", `bytes ${from}-${to - 1}/${shown.size}`);
    response.writeHead(span === null ? 200 : 206, { "Content-Type": "application/gzip", "Content-Length": to - from });
    response.flushHeaders();
    if (request.method === "GET") await this.#body(response, answer, file, { from, to: Math.min(to, end) });
    // Fewer bytes than announced: a broken connection is all that HTTP/1.1 leaves to say so.
    if (request.method === "GET" && to > end) await breakOff(response);
    else response.end();
    await ended(response);
  }

  /** Reads and sends piece by piece; a client that does not keep up is waited for. */
  async #body(response: ServerResponse, answer: Answer, file: MirrorFile, span: Span): Promise<void> {
    const { signal } = answer;
    const handle = await open(file.path);
    try {
      let position = span.from;
      while (position < span.to) {
        await this.#whileStalled(signal);
        const buffer = Buffer.allocUnsafe(Math.min(this.#bucket.slice, span.to - position, this.#untilCut(answer)));
        if (buffer.length === 0) {
          this.#useUpCut();
          await breakOff(response);
          return;
        }
        await this.#bucket.take(buffer.length, signal);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) throw new Error(`${file.path} became shorter while it was sent`);
        this.#flip(buffer, position);
        const flowing = response.write(buffer.subarray(0, bytesRead));
        position += bytesRead;
        this.#sent(answer, bytesRead);
        if (!flowing) await once(response, "drain", { signal });
      }
    } finally {
      await handle.close();
    }
  }

  async #whileStalled(signal: AbortSignal): Promise<void> {
    if (!this.#faults.stall) return;
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    while (this.#faults.stall && !signal.aborted) await Promise.race([this.#changed.promise, aborted.promise]);
    signal.throwIfAborted();
  }

  #untilCut(answer: Answer): number {
    const { cut } = this.#faults;
    return cut === null ? Infinity : Math.max(0, cut.afterBytes - answer.bytes);
  }

  #useUpCut(): void {
    if (this.#faults.cut?.times === "once") this.#faults = { ...this.#faults, cut: null };
  }

  #flip(buffer: Buffer, position: number): void {
    const { flippedByte } = this.#faults;
    if (flippedByte === null) return;
    const value = buffer[flippedByte - position];
    if (value !== undefined) buffer[flippedByte - position] = value ^ 0xff;
  }

  #sent(answer: Answer, bytes: number): void {
    answer.bytes += bytes;
    this.#bytes += bytes;
  }
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
