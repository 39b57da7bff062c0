/** What GitHub knows of releases. */
import type { Arch, Problem, SourceOrders, Target } from "../agent/contract.ts";
import { statusProblem } from "../store/answer.ts";
import { blocked, SourceError, waiting } from "../store/errors.ts";
import { parseJson } from "../store/files.ts";
import { isSha256 } from "../store/layout.ts";
import { LATER, pauseAfter } from "../store/retry.ts";
import { archiveName, type Question } from "./archives.ts";
import { field, type Page, request, type Web } from "./pages.ts";
import { isVersion } from "./version.ts";

/** GitHub answers 60 questions an hour to those it does not know. Milliseconds. */
const GITHUB_AGAIN = 90_000;

/** Where GitHub is. Another place only in tests. */
export interface GitHub {
  readonly api: string;
  readonly files: string;
}

export const GITHUB: GitHub = { api: "https://api.github.com", files: "https://github.com" };

/** @throws SourceError */
export async function fromGitHub(
  ports: Web,
  orders: SourceOrders,
  question: Question,
  github: GitHub,
): Promise<Target> {
  const { arch } = question;
  const offline = orders.digest ?? orders.known[`${question.version}-${arch}`];
  if (question.version !== "" && offline !== undefined) {
    return { version: question.version, arch, sha256: offline, manifestSha256: null };
  }
  const release = await githubRelease(ports, orders, question.version, github);
  const version = question.version === "" ? newestOf(release) : question.version;
  const sha256 = orders.digest ?? orders.known[`${version}-${arch}`] ?? assetDigest(release, { version, arch });
  return { version, arch, sha256, manifestSha256: null };
}

/** The release as GitHub's REST API tells it, API version 2022-11-28. */
async function githubRelease(ports: Web, orders: SourceOrders, version: string, github: GitHub): Promise<unknown> {
  const url = `${github.api}/repos/concourse/concourse/releases/${version === "" ? "latest" : `tags/v${version}`}`;
  const { status, text, headers } = await request(ports, orders, "GET", url, {
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    ...(orders.githubToken === null ? {} : { authorization: `Bearer ${orders.githubToken}` }),
  });
  if (status !== 200) {
    const now = ports.clock.now();
    const limited = status === 403 || status === 429;
    const retryAfter = headers["retry-after"] ?? (limited ? resetOf(headers) : undefined)?.toUTCString() ?? null;
    const pause = pauseAfter({ status: limited ? 429 : status, retryAfter }, 1, 0, now);
    throw new SourceError(githubProblem(status, version, url, headers), { retryMs: Math.max(pause, GITHUB_AGAIN) });
  }
  return parseJson(text);
}

function githubProblem(status: number, version: string, url: string, headers: Page["headers"]): Problem {
  switch (status) {
    case 404:
      return blocked("unknown-version", `Concourse has no version ${version}: juju config <app> version=<version>`);
    case 401:
      return blocked("not-allowed", "GitHub refuses the token: juju config <app> github-token=<token>");
    case 403:
    case 429: {
      const until = resetOf(headers)?.toISOString().slice(11, 16);
      const when = until === undefined ? "" : ` until ${until} UTC`;
      return waiting("rate-limit", `GitHub's rate limit is used up${when}: set github-token, or release-mirror`);
    }
    default:
      return statusProblem(status, url);
  }
}

/** When GitHub counts anew (GitHub REST API, version 2022-11-28, "Rate limits"); undefined where it does not say. */
function resetOf(headers: Page["headers"]): Date | undefined {
  const reset = headers["x-ratelimit-reset"] ?? "";
  return /^\d{1,11}$/.test(reset) ? new Date(Number(reset) * 1000) : undefined;
}

function newestOf(release: unknown): string {
  const tag = field(release, "tag_name");
  const version = typeof tag === "string" ? tag.replace(/^v/, "") : "";
  if (!isVersion(version)) {
    throw later(blocked("no-version", "GitHub names no newest version: juju config <app> version=<version>"));
  }
  return version;
}

/** `sha256:<hex>`, which GitHub gives for assets uploaded since June 2025. */
function assetDigest(release: unknown, wanted: { readonly version: string; readonly arch: Arch }): string {
  const assets = field(release, "assets");
  const file = archiveName(wanted);
  const asset: unknown = Array.isArray(assets)
    ? assets.find((candidate) => field(candidate, "name") === file)
    : undefined;
  if (asset === undefined) {
    throw later(
      blocked("unknown-version", `Release ${wanted.version} has no ${file}: juju config <app> version=<version>`),
    );
  }
  const digest = field(asset, "digest");
  const sha256 = typeof digest === "string" ? digest.replace(/^sha256:/, "") : "";
  if (!isSha256(sha256)) {
    throw later(blocked("no-digest", `GitHub gives no SHA-256 of ${file}: juju config <app> release-digest=<sha256>`));
  }
  return sha256;
}

/** GitHub has answered, and will answer otherwise once somebody has published more. */
function later(problem: Problem): SourceError {
  return new SourceError(problem, { retryMs: LATER });
}
