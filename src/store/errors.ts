import type { Problem } from "../agent/contract.ts";
import { type Failure, LONGEST_BACKOFF, pauseAfter } from "./retry.ts";
import type { BadArchive } from "./types.ts";

/** Longest text of a problem: a status line has to hold it. */
const LONGEST = 120;

/** Something about the store, an archive or its source, already in the words of the status line. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
  readonly problem: Problem;
  /** Milliseconds until it is worth another try; null: soon, then ever more rarely. */
  readonly retryMs: number | null;

  constructor(problem: Problem, options: { readonly cause?: unknown; readonly retryMs?: number | null } = {}) {
    super(problem.message, { cause: options.cause });
    this.problem = problem;
    this.retryMs = options.retryMs ?? null;
  }
}

/** A fault of where an archive or its digest comes from, not of the store: another source may do better. */
export class SourceError extends StoreError {
  override readonly name = "SourceError";
  /** Archives that were fetched whole and are bad: hand them to the next `fetchRelease`. */
  readonly bad: readonly BadArchive[];

  constructor(
    problem: Problem,
    options: { readonly cause?: unknown; readonly retryMs?: number | null; readonly bad?: readonly BadArchive[] } = {},
  ) {
    super(problem, options);
    this.bad = options.bad ?? [];
  }
}

/** What a source said in place of what was asked for, and when to ask again. `now`: milliseconds since 1970. */
export function unanswered(problem: Problem, failure: Failure, now: number, cause?: unknown): SourceError {
  const pause = pauseAfter(failure, 1, 0, now);
  return new SourceError(problem, { cause, retryMs: pause > LONGEST_BACKOFF ? pause : null });
}

/** One error for several sources that all failed: what the first said, and again when the first of them may do better. */
export function allFailed(errors: readonly SourceError[]): SourceError {
  const [first] = errors;
  if (first === undefined) {
    throw new Error("no source failed");
  }
  const pauses = errors.flatMap(({ retryMs }) => retryMs ?? []);
  const retryMs = pauses.length < errors.length ? null : Math.min(...pauses);
  return new SourceError(first.problem, { cause: first, retryMs, bad: errors.flatMap(({ bad }) => bad) });
}

/** A problem that only the operator can end. */
export function blocked(code: string, message: string): Problem {
  return { code, message: shorten(message), blocked: true };
}

/** A problem that may pass by itself. */
export function waiting(code: string, message: string): Problem {
  return { code, message: shorten(message), blocked: false };
}

function shorten(message: string): string {
  const line = message.replace(/\s+/g, " ").trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

/** Node's `code` of a failed call; "" for anything else, also for a call that was wrong in itself. */
export function errno(error: unknown): string {
  return error instanceof Error && !(error instanceof TypeError) && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

/** Codes of failed calls that lie in the disk or the machine, wherever they occur. */
const FILE_FAULTS = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EACCES",
  "EPERM",
  "EIO",
  "ESTALE",
  "ENODEV",
  "ENXIO",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ETXTBSY",
]);

/** True for what `fileProblem` has words for, whatever file it was. */
export function isFileFault(error: unknown): boolean {
  return FILE_FAULTS.has(errno(error));
}

/** The store's disk has no room left, or none for us. */
export function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errno(error));
}

/** What a failed call on a file of the store means. `name` is where it happened, relative to `path`, the store's directory. */
export function fileProblem(error: unknown, path: string, name: string): Problem {
  const code = errno(error);
  const file = [path, name, lastName(error)].filter((part) => part !== "").join("/");
  switch (code) {
    case "ENOSPC":
      return waiting("no-space", `No space left on ${path}: free some (df -h ${path}); it goes on by itself`);
    case "EDQUOT":
      return waiting("no-space", `Disk quota exceeded on ${path}: raise it or free some space; it goes on by itself`);
    case "EROFS":
      return blocked("read-only", `${path} is read-only: mount it read-write (mount -o remount,rw ${path})`);
    case "EACCES":
    case "EPERM":
      return blocked("not-permitted", `Not permitted: ${file}; check owner and mount options (ls -ld ${path})`);
    case "ELOOP":
    case "ENOTDIR":
    case "ENOTREG":
    case "EISDIR":
      return blocked("planted", `Not a plain file or directory of ours: ${file}; look at it and remove it (rm)`);
    case "EIO":
    case "ESTALE":
    case "ENODEV":
    case "ENXIO":
      return waiting("store-failing", `${path} fails (${code}): check the disk or mount it again (dmesg | tail)`);
    case "EMFILE":
    case "ENFILE":
    case "ENOMEM":
      return waiting(
        "no-resources",
        `Out of open files or memory (${code}): see free -m, systemctl restart concourse-agent`,
      );
    case "ETXTBSY":
      return waiting("file-busy", `In use as a program (${code}): see fuser -vm ${path}; it is tried again`);
    case "EXDEV":
      return blocked("several-file-systems", `${path} spans several file systems: unmount what is mounted below it`);
    default:
      return waiting(
        "store-failing",
        `${code === "" ? String(error) : code} at ${file}: see dmesg | tail; it is tried again`,
      );
  }
}

/**
 * Work on files of the store: a call that fails becomes a problem in the words of the status line. What is wrong in itself
 * and what is a `StoreError` already passes.
 *
 * @param name where in the store that is, for people; "" = all over it
 * @param retryMs of the error, by what failed
 * @throws StoreError
 */
export async function aboutFiles<Result>(
  { path }: { readonly path: string },
  name: string,
  work: () => Promise<Result>,
  retryMs: (error: unknown) => number | null = () => null,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (errno(error) === "") throw error;
    throw new StoreError(fileProblem(error, path, name), { cause: error, retryMs: retryMs(error) });
  }
}

/** The name that Node's error is about: the end of its path, which begins with a descriptor of ours. */
function lastName(error: unknown): string {
  const { path, dest } = error as { readonly path?: unknown; readonly dest?: unknown };
  const text = dest ?? path;
  return typeof text === "string" && text.startsWith("/proc/self/fd/")
    ? `…/${text.split("/").at(-1)?.slice(0, 40)}`
    : "";
}

/** What a failed connection means. Only the host is named: URLs can be long, and can hold a password. */
export function networkProblem(error: unknown, url: string): Problem {
  const host = hostOf(url);
  const code = errno(error);
  switch (code) {
    case "ECONNREFUSED":
      return waiting("server-down", `${host} refuses connections: start it, or set release-mirror; retrying`);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return waiting(
        "server-unknown",
        `${host} cannot be resolved: check DNS, juju-https-proxy or release-mirror; retrying`,
      );
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return waiting(
        "server-unreachable",
        `${host} cannot be reached: check the network or juju-https-proxy; retrying`,
      );
    case "ETIMEDOUT":
      return waiting("server-slow", `${host} does not answer: check it or the network; retrying`);
    case "ECONNRESET":
    case "EPIPE":
      return waiting("server-cut", `${host} cut the connection: check it or a proxy in between; retrying`);
    // Node.js 24, doc/api/tls.md, "X509 certificate error codes".
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_UNTRUSTED":
      return waiting(
        "server-certificate",
        `${host} is signed by an unknown authority: add it with update-ca-certificates`,
      );
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return waiting(
        "server-certificate",
        `The certificate of ${host} is not valid now: check the clock (timedatectl)`,
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return waiting(
        "server-certificate",
        `The certificate of ${host} is for another name: check DNS or release-mirror`,
      );
    default:
      return waiting("network", `${host}: ${code === "" ? String(error) : code}: check it or release-mirror; retrying`);
  }
}

/** `host:port` of a URL. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the release source";
}
