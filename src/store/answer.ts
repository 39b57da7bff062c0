/** What a server's answer to a request for an archive means. Pure. */
import type { Problem } from "../agent/contract.ts";
import type { HttpResponse } from "../ports.ts";
import { blocked, hostOf, SourceError, unanswered, waiting } from "./errors.ts";
import { type Failure, isTransient } from "./retry.ts";
import type { BadArchive } from "./types.ts";

/** What the server tells of the archive it serves. */
export interface Served {
  readonly etag: string | null;
  readonly modified: string | null;
  /** Size of the whole archive. */
  readonly length: number | null;
}

/** The bytes before the offset are of no use: the server has another archive by now, or knows no ranges. */
export class StartOver extends Error {
  override readonly name = "StartOver";
}

/** It may go better at another time. */
export interface Failed {
  readonly problem: Problem;
  readonly failure: Failure;
}

/** What was asked for. */
interface Asked {
  readonly archive: { readonly url: string };
  /** Not to be fetched again. */
  readonly bad: BadArchive | null;
}

/** What `If-Range` may be: a strong ETag, or the date. */
export function strongest({ etag, modified }: Served): string | null {
  return etag !== null && !etag.startsWith("W/") ? etag : modified;
}

/** The archive that the answer brings, or `complete` if there is no more of it, or why it brings none for now. */
export function judge(response: HttpResponse, offset: number, asked: Asked, now: number): Served | "complete" | Failed {
  try {
    const verdict = verdictOf(response, offset, asked, now);
    if (verdict === "complete" || "failure" in verdict) {
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
  { bad, archive }: Asked,
  now: number,
): Served | "complete" | Failed {
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
      throw new SourceError(bad?.problem ?? statusProblem(status, archive.url), bad === null ? {} : { bad: [bad] });
    case 416:
      if (lengthOf(range?.[2]) === offset) {
        return "complete";
      }
      throw new StartOver("the archive is shorter than what is there of it");
    default: {
      const problem = statusProblem(status, archive.url);
      const failure = { status, retryAfter: headers["retry-after"] ?? null };
      if (isTransient(status)) {
        return { problem, failure };
      }
      throw unanswered(problem, failure, now);
    }
  }
}

function refuse(bad: BadArchive | null, served: Served): void {
  const known = bad !== null && (bad.etag !== null || bad.modified !== null);
  if (known && bad.etag === served.etag && bad.modified === served.modified && bad.length === served.length) {
    throw new SourceError(bad.problem, { bad: [bad] });
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
      return blocked("unknown-version", `${host} has no ${file}: set another (juju config <app> version=…)`);
    case 401:
    case 403:
      return blocked("not-allowed", `${host} refuses ${file} (${status}): check release-mirror or github-token`);
    case 407:
      return blocked("proxy-login", `The proxy asks for a login (407): set it in juju model-config juju-https-proxy`);
    default:
      return isTransient(status)
        ? waiting("server-error", `${host} answers ${status}: check it or set another release-mirror; retrying`)
        : blocked("http-status", `${host} answers ${status} for ${file}: check release-mirror`);
  }
}
