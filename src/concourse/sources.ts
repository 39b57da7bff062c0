import type { SourceOrders, Target } from "../agent/contract.ts";
import type { Ports } from "../ports.ts";
import { fileBytes, openLocal } from "../store/bytes.ts";
import { statusProblem } from "../store/answer.ts";
import { allFailed, blocked, hostOf, SourceError, StoreError, unanswered, waiting } from "../store/errors.ts";
import { parseJson as parse, using } from "../store/files.ts";
import { isSha256 } from "../store/layout.ts";
import type { Archive } from "../store/types.ts";
import { archiveName, type Question } from "./archives.ts";
import { fromGitHub, GITHUB, type GitHub } from "./github.ts";
import { field, proxyOf, send, type Web } from "./pages.ts";
import { isVersion } from "./version.ts";

/** `resource-get` fetches the whole archive from the controller first. */
const RESOURCE_TIMEOUT = 60 * 60 * 1000;

/** Gives the path of the file that the charm's resource holds; null if it holds none. */
export type Resource = () => Promise<string | null>;

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
