import type { HttpResponse, Ports } from "../ports.ts";
import { type Failed, judge, type Served, strongest } from "./answer.ts";
import { errno, networkProblem, SourceError } from "./errors.ts";
import type { Meter } from "./meter.ts";
import { LONGEST_BACKOFF, NO_ANSWER, pauseAfter } from "./retry.ts";
import type { Archive, BadArchive } from "./types.ts";

const CONNECT_TIMEOUT = 5_000;
/** A stalled connection is given up: resuming costs next to nothing. */
const IDLE_TIMEOUT = 8_000;
/** Attempts in a row without a new byte, after which the caller hears of it; fewer if there is another source to ask. */
const ATTEMPTS = { last: 5, others: 2 } as const;

export type HttpArchive = Extract<Archive, { kind: "http" }>;

export interface DownloadOptions {
  readonly archive: HttpArchive;
  /** Bytes of the archive that are there already. */
  readonly offset: number;
  /** For `If-Range`; null if unknown: then the digest alone tells whether the pieces fit. */
  readonly validator: string | null;
  /** Not to be fetched again. */
  readonly bad: BadArchive | null;
  /** There is another source to ask if this one fails. */
  readonly others: boolean;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  /** Called at each answer, before its bytes. */
  readonly served: (served: Served) => Promise<void>;
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
 * @throws SourceError if the server refuses, sends us away for long, or if several attempts in a row bring nothing
 */
export async function* download(ports: Network, options: DownloadOptions): AsyncGenerator<Uint8Array, void> {
  const position: Position = { offset: options.offset, validator: options.validator };
  for (let fruitless = 0; ;) {
    const before = position.offset;
    const failed = yield* connection(ports, options, position);
    if (failed === null) {
      return;
    }
    fruitless = position.offset > before ? 0 : fruitless + 1;
    const pause = pauseAfter(failed.failure, fruitless + 1, ports.random.fraction(), ports.clock.now());
    // Nobody keeps the lock for as long as that.
    if (pause > LONGEST_BACKOFF) {
      throw new SourceError(failed.problem, { retryMs: pause });
    }
    if (fruitless >= (options.others ? ATTEMPTS.others : ATTEMPTS.last)) {
      throw new SourceError(failed.problem);
    }
    options.meter.stall(failed.problem);
    await ports.clock.sleep(pause, options.signal);
    options.signal.throwIfAborted();
  }
}

/** One connection: gives its bytes, and ends with null if they were the last ones, else with what ended it. */
async function* connection(
  ports: Network,
  options: DownloadOptions,
  position: Position,
): AsyncGenerator<Uint8Array, Failed | null> {
  const { archive, meter, signal } = options;
  const response = await send(ports, options, position);
  if ("failure" in response) {
    return response;
  }
  const served = judge(response, position.offset, options, ports.clock.now());
  if (served === "complete" || "failure" in served) {
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

async function send(ports: Network, options: DownloadOptions, position: Position): Promise<HttpResponse | Failed> {
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
function networkFault(error: unknown, url: string, signal: AbortSignal): Failed {
  signal.throwIfAborted();
  if (errno(error) === "") {
    throw error;
  }
  return { problem: networkProblem(error, url), failure: NO_ANSWER };
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
