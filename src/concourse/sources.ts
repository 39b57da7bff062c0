import type { Arch, Problem, SourceOrders, Target } from "../agent/contract.ts";
import type { Ports, Proxy } from "../ports.ts";
import { fileBytes, openLocal } from "../store/bytes.ts";
import { statusProblem } from "../store/download.ts";
import {
  allFailed,
  blocked,
  errno,
  hostOf,
  networkProblem,
  SourceError,
  StoreError,
  unanswered,
  waiting,
} from "../store/errors.ts";
import { parseJson as parse, using } from "../store/files.ts";
import { isSha256 } from "../store/layout.ts";
import { isTransient, LATER, NO_ANSWER, pauseAfter } from "../store/retry.ts";
import type { Archive } from "../store/types.ts";
import { isVersion } from "./version.ts";

const CONNECT_TIMEOUT = 5_000;
const IDLE_TIMEOUT = 8_000;
/** GitHub's answer about a release with all its assets takes some 100 kB. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
/** GitHub answers 60 questions an hour to those it does not know. Milliseconds. */
const GITHUB_AGAIN = 90_000;
/** `resource-get` fetches the whole archive from the controller first. */
const RESOURCE_TIMEOUT = 60 * 60 * 1000;

/** Where GitHub is. Another place only in tests. */
export interface GitHub {
  readonly api: string;
  readonly files: string;
}

export const GITHUB: GitHub = { api: "https://api.github.com", files: "https://github.com" };

/** Gives the path of the file that the charm's resource holds; null if it holds none. */
export type Resource = () => Promise<string | null>;

export interface Question {
  /** Empty: the newest one. */
  readonly version: string;
  readonly arch: Arch;
}

type Web = Pick<Ports, "http" | "clock">;

/**
 * Finds out which archive a version is. Asked are the charm's resource if it holds one and the mirrors that are set, one
 * after the other until one knows; GitHub only where there is neither. No archive is fetched, none is run, and without a
 * SHA-256 there is no answer. Its `manifestSha256` is null: that is known once the release is unpacked.
 *
 * @throws SourceError if no source knows: what the first of them said
 * @throws StoreError
 */
export async function resolve(
  ports: Web & Pick<Ports, "fs" | "hash">,
  orders: SourceOrders,
  question: Question,
  resource: Resource,
  github: GitHub = GITHUB,
): Promise<Target> {
  checkVersion(question.version, true);
  checkDigest(orders.digest);
  const path = orders.resource ? await resource() : null;
  const local = path === null ? [] : [() => fromResource(ports, orders, question, path)];
  const mirrors = orders.mirrors.map((mirror) => () => fromMirror(ports, orders, question, mirror));
  const sources = [...local, ...mirrors];
  return firstToKnow(sources.length > 0 ? sources : [() => fromGitHub(ports, orders, question, github)]);
}

async function firstToKnow(sources: readonly (() => Promise<Target>)[]): Promise<Target> {
  const failures: SourceError[] = [];
  for (const source of sources) {
    try {
      return await source();
    } catch (error) {
      if (!(error instanceof SourceError)) {
        throw error;
      }
      failures.push(error);
    }
  }
  throw allFailed(failures);
}

/** Where the archive of a committed target may lie, in the order in which to try. Asks nobody but the resource. */
export async function locate(
  orders: SourceOrders,
  target: Target,
  resource: Resource,
  github: GitHub = GITHUB,
): Promise<readonly Archive[]> {
  checkVersion(target.version, false);
  const path = orders.resource ? await resource() : null;
  const local: Archive[] = path === null ? [] : [{ kind: "file", path }];
  const file = archiveName(target);
  const upstream = `${github.files}/concourse/concourse/releases/download/v${target.version}/${file}`;
  const mirrored = orders.mirrors.map((mirror) => `${mirror}/${file}`);
  const urls = local.length + mirrored.length > 0 ? mirrored : [upstream];
  return [...local, ...urls.map((url): Archive => ({ kind: "http", url, headers: {}, proxy: proxyOf(orders) }))];
}

/** `concourse-7.14.3-linux-amd64.tgz`, as upstream names it. */
export function archiveName({ version, arch }: Pick<Target, "version" | "arch">): string {
  return `concourse-${version}-linux-${arch}.tgz`;
}

/** The charm's resource `concourse-release`, asked for outside of any hook. A file of 0 bytes is no archive. */
export function jujuResource(ports: Pick<Ports, "exec" | "fs">, unit: string): Resource {
  return async () => {
    const argv = ["juju-exec", "-u", unit, "resource-get concourse-release"];
    const { code, stdout, stderr } = await ports.exec.run(argv, { timeout: RESOURCE_TIMEOUT });
    if (code !== 0) {
      const reason = stderr.trim().split("\n").at(-1) ?? "";
      throw new StoreError(waiting("no-resource", `resource-get concourse-release failed: ${reason}; retrying`));
    }
    const path = stdout.trim();
    const { size } = await using(await openLocal(ports.fs, path), (file) => file.stat());
    return size === 0 ? null : path;
  };
}

async function fromResource(
  ports: Pick<Ports, "fs" | "hash">,
  orders: SourceOrders,
  { version, arch }: Question,
  path: string,
): Promise<Target> {
  if (version === "") {
    throw new SourceError(
      blocked("no-version", "The resource does not tell its version: juju config <app> version=<version>"),
    );
  }
  const sha256 = await hashOfFile(ports, path);
  if (orders.digest !== null && orders.digest !== sha256) {
    const message = `Resource concourse-release has sha256 ${sha256.slice(0, 12)}…: attach the right file, or correct release-digest`;
    throw new SourceError(blocked("digest-mismatch", message));
  }
  return { version, arch, sha256, manifestSha256: null };
}

async function hashOfFile(ports: Pick<Ports, "fs" | "hash">, path: string): Promise<string> {
  return using(await openLocal(ports.fs, path), async (file) => {
    const hasher = ports.hash.sha256();
    for await (const bytes of fileBytes(file, (await file.stat()).size)) {
      hasher.update(bytes);
    }
    return hasher.digest();
  });
}

async function fromMirror(ports: Web, orders: SourceOrders, question: Question, mirror: string): Promise<Target> {
  const version = question.version === "" ? await newestOfMirror(ports, orders, mirror) : question.version;
  const wanted = { version, arch: question.arch };
  const sha256 = orders.digest ?? (await digestOfMirror(ports, orders, `${mirror}/${archiveName(wanted)}`));
  return { ...wanted, sha256, manifestSha256: null };
}

async function newestOfMirror(ports: Web, orders: SourceOrders, mirror: string): Promise<string> {
  const url = `${mirror}/latest.json`;
  const found = await send(ports, orders, "GET", url);
  const value = found.status === 200 ? parse(found.text) : null;
  const version = field(value, "version");
  if (typeof version !== "string" || !isVersion(version)) {
    const cause = found.status === 200 ? "names no version" : `is missing (${found.status})`;
    throw new SourceError(
      blocked("no-version", `latest.json of ${hostOf(url)} ${cause}: juju config <app> version=<version>`),
    );
  }
  return version;
}

/** `<archive>.sha256` beside the archive: the digest alone, or as `sha256sum` prints it. */
async function digestOfMirror(ports: Web, orders: SourceOrders, url: string): Promise<string> {
  const found = await send(ports, orders, "GET", `${url}.sha256`);
  const digest = /^\\?([0-9a-fA-F]{64})(?:\s|$)/.exec(found.text)?.[1];
  if (found.status === 200 && digest !== undefined) {
    return digest.toLowerCase();
  }
  if (found.status === 404 && !(await exists(ports, orders, url))) {
    throw unanswered(statusProblem(404, url), { status: 404, retryAfter: null }, ports.clock.now());
  }
  const file = new URL(url).pathname.split("/").at(-1);
  const cause = found.status === 200 ? "is not a SHA-256" : `is missing (${found.status})`;
  // A mirror that has one file of two is being filled: it is asked again soon.
  throw new SourceError(
    blocked("no-digest", `${file}.sha256 on ${hostOf(url)} ${cause}: add it, or set release-digest`),
  );
}

async function exists(ports: Web, orders: SourceOrders, url: string): Promise<boolean> {
  return (await send(ports, orders, "HEAD", url)).status === 200;
}

async function fromGitHub(ports: Web, orders: SourceOrders, question: Question, github: GitHub): Promise<Target> {
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
  return parse(text);
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

interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One small answer. What may pass by itself is thrown here; everything else is for the caller to judge. */
async function send(ports: Web, orders: SourceOrders, method: "GET" | "HEAD", url: string): Promise<Page> {
  const page = await request(ports, orders, method, url);
  if (isTransient(page.status) || page.status === 407) {
    const failure = { status: page.status, retryAfter: page.headers["retry-after"] ?? null };
    throw unanswered(statusProblem(page.status, url), failure, ports.clock.now());
  }
  return page;
}

async function request(
  ports: Web,
  orders: SourceOrders,
  method: "GET" | "HEAD",
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  try {
    const response = await ports.http.send({
      method,
      url,
      headers: { "user-agent": "concourse-ci-machine", ...headers },
      proxy: proxyOf(orders),
      connectTimeout: CONNECT_TIMEOUT,
      idleTimeout: IDLE_TIMEOUT,
    });
    return { status: response.status, headers: response.headers, text: await readText(response.body) };
  } catch (error) {
    if (errno(error) === "") {
      throw error;
    }
    throw unanswered(networkProblem(error, url), NO_ANSWER, ports.clock.now(), error);
  }
}

/** The beginning of an answer: what is longer than any we can use says nothing. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size > LONGEST_ANSWER) {
      return "";
    }
  }
  return Buffer.concat(pieces).toString("utf8");
}

function proxyOf(orders: SourceOrders): Proxy {
  return { http: orders.httpProxy, https: orders.httpsProxy, none: orders.noProxy };
}

function checkVersion(version: string, mayBeEmpty: boolean): void {
  if (!isVersion(version) && !(mayBeEmpty && version === "")) {
    const shown = JSON.stringify(version).slice(0, 40);
    throw new StoreError(
      blocked("bad-version", `${shown} is no Concourse version such as 7.14.3: juju config <app> version=<version>`),
    );
  }
}

function checkDigest(digest: string | null): void {
  if (digest !== null && !isSha256(digest)) {
    throw new StoreError(
      blocked("bad-digest", "release-digest is not a SHA-256 in hexadecimal: correct it (sha256sum <archive>)"),
    );
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
