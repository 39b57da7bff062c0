/**
 * A release mirror as the charm's option `release-mirror` wants one: `concourse-<version>-linux-<arch>.tgz`, its
 * `.sha256`, and `latest.json`. It counts what it sends, can be slowed down, and can be made to fail in all the ways
 * real servers do.
 */

import { createWriteStream, type WriteStream } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Answering, type Answer } from "./answers.ts";
import { Bucket } from "./bucket.ts";
import { NO_FAULTS, Switches, type Faults } from "./faults.ts";
import { Files } from "./files.ts";

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

export async function startMirror(options: MirrorOptions): Promise<Mirror> {
  const mirror = new ReleaseMirror(options);
  await mirror.listen();
  return mirror;
}

class ReleaseMirror implements Mirror {
  readonly #files: Files;
  readonly #address: string;
  readonly #bucket = new Bucket();
  readonly #faults = new Switches();
  readonly #answering: Answering;
  readonly #log: WriteStream | null;
  readonly #finished: MirrorRequest[] = [];
  #port: number;
  #server: Server | null = null;
  #active = 0;
  #bytes = 0;

  constructor(options: MirrorOptions) {
    this.#files = new Files(options.releases);
    this.#answering = new Answering(this.#files, this.#bucket, this.#faults);
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
      faults: this.#faults.now,
      requests: this.#finished.length,
      active: this.#active,
      bytes: this.#bytes,
    };
  }

  throttle(bytesPerSecond: number | null): void {
    this.#bucket.rate = bytesPerSecond;
  }

  async setFaults(faults: Partial<Faults>): Promise<void> {
    this.#faults.set(faults);
    if (this.#faults.now.down) await this.#stopListening();
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
    const sent = (bytes: number): void => void (this.#bytes += bytes);
    const answer: Answer = { request, response, bytes: 0, signal: gone.signal, sent };
    response.on("close", () => gone.abort());
    this.#active += 1;
    try {
      await this.#answering.answer(answer);
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
}
