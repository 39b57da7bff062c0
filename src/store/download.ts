import type { Problem } from "../agent/contract.ts";
import type { HttpResponse, Ports } from "../ports.ts";
import { blocked, errno, hostOf, networkProblem, StoreError, waiting } from "./errors.ts";
import type { Meter } from "./meter.ts";
import { isTransientStatus, retryDelay } from "./retry.ts";
import type { Archive, BadArchive } from "./types.ts";

const CONNECT_TIMEOUT = 5_000;
/** A stalled connection is given up: resuming costs next to nothing. */
const IDLE_TIMEOUT = 8_000;
/** Attempts in a row without a new byte, after which the caller hears of it. */
const ATTEMPTS = 5;

export type HttpArchive = Extract<Archive, { kind: "http" }>;

/** What the server tells of the archive it serves. */
export interface Served {
  readonly etag: string | null;
  readonly modified: string | null;
  /** Size of the whole archive. */
  readonly length: number | null;
}

export interface DownloadOptions {
  readonly archive: HttpArchive;
  /** Bytes of the archive that are there already. */
  readonly offset: number;
  /** For `If-Range`; null if unknown: then the digest alone tells whether the pieces fit. */
  readonly validator: string | null;
  /** Not to be fetched again. */
  readonly bad: BadArchive | null;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  /** Called at each answer, before its bytes. */
  readonly served: (served: Served) => Promise<void>;
}

/** The bytes before the offset are of no use: the server has another archive by now, or knows no ranges. */
export class StartOver extends Error {
  override readonly name = "StartOver";
}

type Network = Pick<Ports, "http" | "clock" | "random">;

interface Position {
  offset: number;
  validator: string | null;
}

/**
 * The bytes of an archive from an offset to its end, over as many connections as it takes (RFC 9110, sections 13, 14).
 *
 * @throws StartOver if the bytes before the offset cannot be used
 * @throws StoreError if the server refuses, or if several attempts in a row bring nothing
 */
export async function* download(ports: Network, options: DownloadOptions): AsyncGenerator<Uint8Array, void> {
  const position: Position = { offset: options.offset, validator: options.validator };
  for (let fruitless = 0; ;) {
    const before = position.offset;
    const problem = yield* connection(ports, options, position);
    if (problem === null) {
      return;
    }
    fruitless = position.offset > before ? 0 : fruitless + 1;
    if (fruitless >= ATTEMPTS) {
      throw new StoreError(problem);
    }
    options.meter.stall(problem);
    await ports.clock.sleep(retryDelay(ports, fruitless + 1), options.signal);
    options.signal.throwIfAborted();
  }
}

/** One connection: gives its bytes, and ends with null if they were the last ones, else with what ended it. */
async function* connection(
  ports: Network,
  options: DownloadOptions,
  position: Position,
): AsyncGenerator<Uint8Array, Problem | null> {
  const { archive, meter, signal } = options;
  const response = await send(ports, options, position);
  if ("code" in response) {
    return response;
  }
  const served = judge(response, position.offset, options);
  if (served === "complete" || "code" in served) {
    return served === "complete" ? null : served;
  }
  position.validator = strongest(served);
  meter.total = served.length;
  try {
    await options.served(served);
  } catch (error) {
    response.cancel();
    throw error;
  }
  try {
    for await (const bytes of response.body) {
      position.offset += bytes.length;
      meter.receive(bytes.length);
      yield bytes;
    }
  } catch (error) {
    return networkFault(error, archive.url, signal);
  }
  const whole = served.length === null || position.offset >= served.length;
  return whole
    ? null
    : networkFault(Object.assign(new Error("short body"), { code: "ECONNRESET" }), archive.url, signal);
}

async function send(ports: Network, options: DownloadOptions, position: Position): Promise<HttpResponse | Problem> {
  const { archive, signal } = options;
  try {
    return await ports.http.send({
      url: archive.url,
      headers: { ...archive.headers, ...conditions(position, options.bad) },
      proxy: archive.proxy,
      connectTimeout: CONNECT_TIMEOUT,
      idleTimeout: IDLE_TIMEOUT,
      signal,
    });
  } catch (error) {
    return networkFault(error, archive.url, signal);
  }
}

/** A failure of the network as a problem; anything else goes on its way. */
function networkFault(error: unknown, url: string, signal: AbortSignal): Problem {
  signal.throwIfAborted();
  if (errno(error) === "") {
    throw error;
  }
  return networkProblem(error, url);
}

function conditions({ offset, validator }: Position, bad: BadArchive | null): Record<string, string> {
  if (offset > 0) {
    return { range: `bytes=${offset}-`, ...(validator === null ? {} : { "if-range": validator }) };
  }
  if (bad !== null && bad.etag !== null) {
    return { "if-none-match": bad.etag };
  }
  return bad !== null && bad.modified !== null ? { "if-modified-since": bad.modified } : {};
}

/** What `If-Range` may be: a strong ETag, or the date. */
export function strongest({ etag, modified }: Served): string | null {
  return etag !== null && !etag.startsWith("W/") ? etag : modified;
}

/** The archive that the answer brings, or `complete` if there is no more of it, or why it brings none for now. */
function judge(response: HttpResponse, offset: number, options: DownloadOptions): Served | "complete" | Problem {
  try {
    const verdict = verdictOf(response, offset, options);
    if (verdict === "complete" || "code" in verdict) {
      response.cancel();
    }
    return verdict;
  } catch (error) {
    response.cancel();
    throw error;
  }
}

function verdictOf(
  response: HttpResponse,
  offset: number,
  { bad, archive }: DownloadOptions,
): Served | "complete" | Problem {
  const { status, headers } = response;
  const etag = headers["etag"] ?? null;
  const modified = headers["last-modified"] ?? null;
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
  switch (status) {
    case 200: {
      const served = { etag, modified, length: lengthOf(headers["content-length"]) };
      refuse(bad, served);
      if (offset > 0) {
        throw new StartOver("the whole archive instead of the rest");
      }
      return served;
    }
    case 206:
      if (Number(range?.[1]) !== offset) {
        throw new StartOver("another range than asked for");
      }
      return { etag, modified, length: lengthOf(range?.[2]) };
    case 304:
      throw new StoreError(bad?.problem ?? statusProblem(status, archive.url), bad === null ? {} : { bad });
    case 416:
      if (lengthOf(range?.[2]) === offset) {
        return "complete";
      }
      throw new StartOver("the archive is shorter than what is there of it");
    default: {
      const problem = statusProblem(status, archive.url);
      if (isTransientStatus(status)) {
        return problem;
      }
      throw new StoreError(problem);
    }
  }
}

function refuse(bad: BadArchive | null, served: Served): void {
  const known = bad !== null && (bad.etag !== null || bad.modified !== null);
  if (known && bad.etag === served.etag && bad.modified === served.modified && bad.length === served.length) {
    throw new StoreError(bad.problem, { bad });
  }
}

function lengthOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** What an HTTP status other than success means for an operator. */
export function statusProblem(status: number, url: string): Problem {
  const host = hostOf(url);
  const file = new URL(url).pathname.split("/").at(-1) ?? "";
  switch (status) {
    case 404:
    case 410:
      return blocked("unknown-version", `${host} has no ${file}: set an existing one (juju config <app> version=…)`);
    case 401:
    case 403:
      return blocked("not-allowed", `${host} refuses ${file} (${status}): check release-mirror or github-token`);
    case 407:
      return blocked("proxy-login", `The proxy asks for a login (407): set it in juju model-config juju-https-proxy`);
    default:
      return isTransientStatus(status)
        ? waiting("server-error", `${host} answers ${status}: check it or set another release-mirror; retrying`)
        : blocked("http-status", `${host} answers ${status} for ${file}: check release-mirror`);
  }
}
