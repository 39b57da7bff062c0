/** Archives that were read whole and are no good: what is wrong, and when they are worth another look. Pure. */
import type { Problem, Target } from "../agent/contract.ts";
import type { Served } from "./answer.ts";
import { blocked, SourceError } from "./errors.ts";
import { LATER } from "./retry.ts";
import type { Streamed } from "./stream.ts";
import type { Archive, BadArchive } from "./types.ts";

/** Nothing short of reading it all tells whether a bad archive has been exchanged. Milliseconds. */
const READ_AGAIN = { file: 60_000, http: LATER } as const;
/** The longest time after which a bad archive is fetched again though it looks the same; it begins with `LATER`. */
const LONGEST_REST = 24 * 60 * 60 * 1000;

/** What is wrong with an archive, given that something is. `source`: where it lies, for people. */
export function streamProblem({ sha256, bytes, fault }: Streamed, target: Target, source: string): Problem {
  const { version } = target;
  if (sha256 === target.sha256) {
    return blocked("bad-archive", `Archive of ${version} refused: ${fault?.message ?? "no contents"}`);
  }
  if (fault?.truncated === true) {
    return blocked("truncated", `Archive of ${version} ends after ${bytes} bytes: put the whole file at ${source}`);
  }
  const digests = `sha256 ${sha256.slice(0, 8)}…, not ${target.sha256.slice(0, 8)}…`;
  const message = `Archive of ${version} has ${digests}: correct it at ${source} or set release-digest`;
  return blocked("digest-mismatch", message);
}

/**
 * The error for an archive that need not be fetched again as long as it looks the same.
 *
 * @param served what the server told of it
 * @param before the refusal before this one: each rests twice as long
 * @param now by the steady clock
 */
export function refusal(
  problem: Problem,
  archive: Archive,
  target: Target,
  served: Served,
  before: BadArchive | null,
  now: number,
): SourceError {
  if (archive.kind === "file") {
    return new SourceError(problem, { retryMs: READ_AGAIN.file });
  }
  const rest = before === null ? LATER : Math.min(before.rest * 2, LONGEST_REST);
  const bad = { url: archive.url, until: now + rest, rest, wanted: target.sha256, ...served, problem };
  // An answer that says what it is, and one whose first bytes tell, cost nothing to look at again.
  const cheap = bad.etag !== null || bad.modified !== null || problem.code === "not-an-archive";
  return new SourceError(problem, { bad: [bad], retryMs: cheap ? null : READ_AGAIN.http });
}

/** What is known of an archive from an earlier attempt. */
export function refusedBefore(bad: readonly BadArchive[], archive: Archive, target: Target): BadArchive | null {
  return (
    bad.find(({ wanted, url }) => archive.kind === "http" && wanted === target.sha256 && url === archive.url) ?? null
  );
}
