import type { Arch, SourceOrders, Target } from "../agent/contract.ts";
import type { Ports, Proxy } from "../ports.ts";
import { fileBytes, openLocal } from "../store/bytes.ts";
import { statusProblem } from "../store/download.ts";
import { blocked, errno, hostOf, networkProblem, StoreError, waiting } from "../store/errors.ts";
import { parseJson as parse, using } from "../store/files.ts";
import { isSha256 } from "../store/layout.ts";
import type { Archive } from "../store/types.ts";
import { isVersion } from "./version.ts";

const CONNECT_TIMEOUT = 5_000;
const IDLE_TIMEOUT = 8_000;
/** GitHub's answer about a release with all its assets takes some 100 kB. */
const LONGEST_ANSWER = 4 * 1024 * 1024;
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

export interface Answer {
  /** `manifestSha256` is null: that is known once the release is unpacked. */
  readonly target: Target;
  readonly archive: Archive;
}

type Web = Pick<Ports, "http">;

/**
 * Finds out which archive a version is: the charm's resource if it holds one, else the mirror if one is set, else
 * GitHub, which is asked only then. No archive is fetched, none is run, and without a SHA-256 there is no answer.
 *
 * @throws StoreError
 */
export async function resolve(
  ports: Pick<Ports, "fs" | "http" | "hash">,
  orders: SourceOrders,
  question: Question,
  resource: Resource,
  github: GitHub = GITHUB,
): Promise<Answer> {
  checkVersion(question.version, true);
  checkDigest(orders.digest);
  const path = orders.resource ? await resource() : null;
  if (path !== null) {
    return fromResource(ports, orders, question, path);
  }
  return orders.mirror === null
    ? fromGitHub(ports, orders, question, github)
    : fromMirror(ports, orders, question, orders.mirror);
}

/** Where the archive of a committed target lies. Asks nobody but the resource. */
export async function locate(
  orders: SourceOrders,
  target: Target,
  resource: Resource,
  github: GitHub = GITHUB,
): Promise<Archive> {
  checkVersion(target.version, false);
  const path = orders.resource ? await resource() : null;
  if (path !== null) {
    return { kind: "file", path };
  }
  const file = archiveName(target);
  const url =
    orders.mirror === null
      ? `${github.files}/concourse/concourse/releases/download/v${target.version}/${file}`
      : `${orders.mirror}/${file}`;
  return { kind: "http", url, headers: {}, proxy: proxyOf(orders) };
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
): Promise<Answer> {
  if (version === "") {
    throw new StoreError(
      blocked("no-version", "The resource does not tell its version: juju config <app> version=<version>"),
    );
  }
  const sha256 = await hashOfFile(ports, path);
  if (orders.digest !== null && orders.digest !== sha256) {
    const message = `Resource concourse-release has sha256 ${sha256.slice(0, 12)}…: attach the right file, or correct release-digest`;
    throw new StoreError(blocked("digest-mismatch", message));
  }
  return { target: { version, arch, sha256, manifestSha256: null }, archive: { kind: "file", path } };
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

async function fromMirror(ports: Web, orders: SourceOrders, question: Question, mirror: string): Promise<Answer> {
  const version = question.version === "" ? await newestOfMirror(ports, orders, mirror) : question.version;
  const wanted = { version, arch: question.arch };
  const sha256 = orders.digest ?? (await digestOfMirror(ports, orders, `${mirror}/${archiveName(wanted)}`));
  return answer(orders, { ...wanted, sha256, manifestSha256: null });
}

async function newestOfMirror(ports: Web, orders: SourceOrders, mirror: string): Promise<string> {
  const url = `${mirror}/latest.json`;
  const found = await get(ports, orders, url);
  const value = found.status === 200 ? parse(found.text) : null;
  const version = field(value, "version");
  if (typeof version !== "string" || !isVersion(version)) {
    const cause = found.status === 200 ? "names no version" : `is missing (${found.status})`;
    throw new StoreError(
      blocked("no-version", `latest.json of ${hostOf(url)} ${cause}: juju config <app> version=<version>`),
    );
  }
  return version;
}

/** `<archive>.sha256` beside the archive: the digest alone, or as `sha256sum` prints it. */
async function digestOfMirror(ports: Web, orders: SourceOrders, url: string): Promise<string> {
  const found = await get(ports, orders, `${url}.sha256`);
  const digest = /^\\?([0-9a-fA-F]{64})(?:\s|$)/.exec(found.text)?.[1];
  if (found.status === 200 && digest !== undefined) {
    return digest.toLowerCase();
  }
  if (found.status === 404 && !(await exists(ports, orders, url))) {
    throw new StoreError(statusProblem(404, url));
  }
  const file = new URL(url).pathname.split("/").at(-1);
  const cause = found.status === 200 ? "is not a SHA-256" : `is missing (${found.status})`;
  throw new StoreError(
    blocked("no-digest", `${file}.sha256 on ${hostOf(url)} ${cause}: add it, or set release-digest`),
  );
}

async function exists(ports: Web, orders: SourceOrders, url: string): Promise<boolean> {
  return (await send(ports, orders, "HEAD", url)).status === 200;
}

async function fromGitHub(ports: Web, orders: SourceOrders, question: Question, github: GitHub): Promise<Answer> {
  const { arch } = question;
  const offline = orders.digest ?? orders.known[`${question.version}-${arch}`];
  if (question.version !== "" && offline !== undefined) {
    return answer(orders, { version: question.version, arch, sha256: offline, manifestSha256: null }, github);
  }
  const release = await githubRelease(ports, orders, question.version, github);
  const version = question.version === "" ? newestOf(release) : question.version;
  const sha256 = orders.digest ?? orders.known[`${version}-${arch}`] ?? assetDigest(release, { version, arch });
  return answer(orders, { version, arch, sha256, manifestSha256: null }, github);
}

/** The release as GitHub's REST API tells it, API version 2022-11-28. */
async function githubRelease(ports: Web, orders: SourceOrders, version: string, github: GitHub): Promise<unknown> {
  const url = `${github.api}/repos/concourse/concourse/releases/${version === "" ? "latest" : `tags/v${version}`}`;
  const { status, text, headers } = await get(ports, orders, url, {
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    ...(orders.githubToken === null ? {} : { authorization: `Bearer ${orders.githubToken}` }),
  });
  if (status === 404) {
    throw new StoreError(
      blocked("unknown-version", `Concourse has no version ${version}: juju config <app> version=<version>`),
    );
  }
  if (status === 401) {
    throw new StoreError(blocked("not-allowed", "GitHub refuses the token: juju config <app> github-token=<token>"));
  }
  if (status === 403 || status === 429) {
    const reset = headers["x-ratelimit-reset"];
    const until = reset === undefined ? "" : ` until ${new Date(Number(reset) * 1000).toISOString().slice(11, 16)} UTC`;
    throw new StoreError(
      waiting("rate-limit", `GitHub's rate limit is used up${until}: set github-token, or release-mirror`),
    );
  }
  if (status !== 200) {
    throw new StoreError(statusProblem(status, url));
  }
  return parse(text);
}

function newestOf(release: unknown): string {
  const tag = field(release, "tag_name");
  const version = typeof tag === "string" ? tag.replace(/^v/, "") : "";
  if (!isVersion(version)) {
    throw new StoreError(blocked("no-version", "GitHub names no newest version: juju config <app> version=<version>"));
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
    throw new StoreError(
      blocked("unknown-version", `Release ${wanted.version} has no ${file}: juju config <app> version=<version>`),
    );
  }
  const digest = field(asset, "digest");
  const sha256 = typeof digest === "string" ? digest.replace(/^sha256:/, "") : "";
  if (!isSha256(sha256)) {
    throw new StoreError(
      blocked("no-digest", `GitHub gives no SHA-256 of ${file}: juju config <app> release-digest=<sha256>`),
    );
  }
  return sha256;
}

async function answer(orders: SourceOrders, target: Target, github: GitHub = GITHUB): Promise<Answer> {
  return { target, archive: await locate({ ...orders, resource: false }, target, async () => null, github) };
}

interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

async function get(
  ports: Web,
  orders: SourceOrders,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  return send(ports, orders, "GET", url, headers);
}

/** One small answer. What may pass by itself is thrown here; everything else is for the caller to judge. */
async function send(
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
    if (response.status >= 500 || response.status === 407) {
      response.cancel();
      throw new StoreError(statusProblem(response.status, url));
    }
    return { status: response.status, headers: response.headers, text: await readText(response.body) };
  } catch (error) {
    if (error instanceof StoreError || errno(error) === "") {
      throw error;
    }
    throw new StoreError(networkProblem(error, url), { cause: error });
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
