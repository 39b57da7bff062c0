/** Mirrors that serve releases, webs that answer, and everything that can happen on the way to them. */
import type { Http, HttpRequest, HttpResponse } from "../../src/ports.ts";
import type { Archives, SimArchive } from "./archives.ts";
import { Dice } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export const MIRROR = "http://mirror";

/** What goes wrong with a request: names of the situations they make. */
export const MISHAPS = [
  "connection refused",
  "connection stalled",
  "connection cut",
  "wrong bytes served",
  "another archive served",
  "wrong digest told",
  "web page served",
  "status 404",
  "status 429",
  "status 503",
  "archive changed on the mirror",
  "range ignored",
] as const;
export type Mishap = (typeof MISHAPS)[number];

/** How likely a request meets one of these, until so many have. */
export interface Weather {
  readonly share: number;
  readonly mishaps: readonly Mishap[];
  readonly most: number;
}

export const FAIR: Weather = { share: 0, mishaps: [], most: 0 };

/** A download of an archive that goes on. */
export interface Download {
  readonly life: Life;
  readonly store: () => unknown;
}

export interface NetworkWorld {
  readonly scheduler: Scheduler;
  readonly archives: Archives;
  readonly met: (situation: string) => void;
  /** The answer of the web at an address; throws what a connection there throws. */
  readonly web: (host: string, asker: Life, request: HttpRequest) => string;
}

type Page = { readonly status: number; readonly headers?: Record<string, string>; readonly body: Uint8Array };

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export class Network {
  readonly #world: NetworkWorld;
  readonly #dice: Dice;
  weather: Weather = FAIR;
  /** The newest version there is. */
  latest: string;
  readonly downloads = new Set<Life>();
  /** Archive bodies begun, and bytes of them given. */
  begun = 0;
  /** Rises when the mirror replaces its files: other ETags. */
  #edition = 1;

  constructor(seed: number, world: NetworkWorld) {
    this.#world = world;
    this.#dice = new Dice(seed, "network");
    this.latest = world.archives.right.at(-1)?.version ?? "";
  }

  httpOf(life: Life): Http {
    return {
      send: async (request) => {
        const { scheduler } = this.#world;
        const url = new URL(request.url);
        if (url.host !== "mirror") {
          const body = await scheduler.call(life, "http web", () => this.#world.web(url.host, life, request));
          return this.#answer(life, request, { status: 200, body: encode(body) }, null);
        }
        const mishap = await scheduler.call(life, "http mirror", () => this.#mishap());
        request.signal?.throwIfAborted();
        if (mishap === "connection refused") throw failure("ECONNREFUSED");
        if (mishap === "connection stalled" && this.#dice.chance(0.3)) await this.#stall(life, request);
        return this.#answer(life, request, this.#page(url, request, mishap), mishap);
      },
    };
  }

  #mishap(): Mishap | null {
    const { share, mishaps, most } = this.weather;
    if (mishaps.length === 0 || most === 0 || !this.#dice.chance(share)) return null;
    this.weather = { share, mishaps, most: most - 1 };
    const mishap = this.#dice.pick(mishaps);
    this.#world.met(mishap);
    if (mishap === "archive changed on the mirror") this.#edition += 1;
    return mishap;
  }

  #page(url: URL, request: HttpRequest, mishap: Mishap | null): Page {
    const status = { "status 404": 404, "status 429": 429, "status 503": 503 }[mishap as string];
    if (status !== undefined) return { status, body: encode("no\n"), headers: { "retry-after": "2" } };
    if (mishap === "web page served") return { status: 200, body: encode("<html>welcome to the hotel</html>") };
    const file = url.pathname.slice(1);
    if (file === "latest.json") return { status: 200, body: encode(JSON.stringify({ version: this.latest })) };
    const archive = this.#world.archives.byName.get(file.replace(/\.sha256$/, ""));
    if (archive === undefined) return { status: 404, body: encode("none\n") };
    const wrong = this.#wrong(archive);
    if (file.endsWith(".sha256")) {
      const { sha256, name } = mishap === "wrong digest told" ? wrong : archive;
      return { status: 200, body: encode(`${sha256}  ${name}\n`) };
    }
    if (request.method === "HEAD") return { status: 200, body: encode("") };
    const served = mishap === "another archive served" ? wrong : archive;
    return this.#range(request, mishap, mishap === "wrong bytes served" ? this.#spoilt(served.bytes) : served.bytes);
  }

  #wrong(archive: SimArchive): SimArchive {
    return this.#world.archives.wrong.find(({ name }) => name === archive.name) ?? archive;
  }

  #spoilt(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes);
    const at = this.#dice.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << this.#dice.below(8));
    return copy;
  }

  /** RFC 9110, sections 13 and 14, as far as one range to the end goes. */
  #range({ headers = {} }: HttpRequest, mishap: Mishap | null, bytes: Uint8Array): Page {
    const etag = `"${this.#edition}"`;
    if (headers["if-none-match"] === etag) return { status: 304, body: encode(""), headers: { etag } };
    const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? -1);
    const fits = from >= 0 && (headers["if-range"] ?? etag) === etag && mishap !== "range ignored";
    if (!fits) return { status: 200, body: bytes, headers: { etag, "content-length": String(bytes.length) } };
    if (from >= bytes.length)
      return { status: 416, body: encode(""), headers: { "content-range": `bytes */${bytes.length}` } };
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    return { status: 206, body: bytes.subarray(from), headers: { etag, "content-range": range } };
  }

  #answer(life: Life, request: HttpRequest, page: Page, mishap: Mishap | null): HttpResponse {
    const isArchive = request.url.endsWith(".tgz") && request.method !== "HEAD" && page.status < 300;
    if (isArchive) {
      this.begun += 1;
      this.downloads.add(life);
    }
    const end = () => this.downloads.delete(life);
    return {
      status: page.status,
      headers: page.headers ?? {},
      url: request.url,
      body: this.#body(life, request, page, mishap, end),
      cancel: end,
    };
  }

  async *#body(life: Life, request: HttpRequest, { body }: Page, mishap: Mishap | null, end: () => void) {
    const { scheduler } = this.#world;
    const pieces = body.length < 100 ? 1 : this.#dice.between(2, 5);
    const size = Math.max(1, Math.ceil(body.length / pieces));
    const breaks = mishap === "connection cut" || mishap === "connection stalled";
    const last = breaks ? this.#dice.below(pieces + 1) : pieces;
    try {
      for (let piece = 0; piece < last && piece * size < body.length; piece++) {
        await scheduler.call(life, "http bytes", () => undefined);
        request.signal?.throwIfAborted();
        yield body.subarray(piece * size, (piece + 1) * size);
      }
      if (mishap === "connection stalled") await this.#stall(life, request);
      if (mishap === "connection cut") throw failure("ECONNRESET");
    } finally {
      end();
    }
  }

  async #stall(life: Life, request: HttpRequest): Promise<never> {
    await this.#world.scheduler.sleep(life, request.idleTimeout ?? 30_000, request.signal);
    request.signal?.throwIfAborted();
    throw failure("ETIMEDOUT");
  }
}

export function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
