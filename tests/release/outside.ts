/**
 * What builds find in the test's own internet: a registry with one image, made of the release's `mock` type, and a git
 * repository. Prepared as files, and served by `outside-server.ts`.
 */

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { ARCH } from "../e2e/concourse.ts";
import type { Release } from "./world.ts";

const run = promisify(execFile);

export const PORT = 8000;
export const REGISTRY = "registry.example";
export const GIT = "git.example";
/** Of the image, below the registry. */
export const IMAGE = "tools/shell";
/** What the one file of the repository says. */
export const WORD = "a file from a repository";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const digest = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** Serves both below `directory`, where `inside` leads; resolves when they answer. */
export async function startOutside(
  inside: readonly string[],
  directory: string,
  release: Release,
): Promise<ChildProcess> {
  await makeImage(join(directory, "v2", IMAGE), release);
  await makeRepository(directory);
  const [program = "", ...words] = inside;
  const server = join(import.meta.dirname, "outside-server.ts");
  const child = spawn(program, [...words, process.execPath, server, directory, `${PORT}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(createInterface({ input: child.stdout }), "line");
  return child;
}

/** As a registry shows it: manifest by tag and by digest, blobs by digest (OCI distribution-spec 1.1). */
async function makeImage(at: string, release: Release): Promise<void> {
  const member = "concourse/resource-types/mock/rootfs.tgz";
  const options = { encoding: "buffer", maxBuffer: 1024 ** 3 } as const;
  const { stdout: layer } = await run("tar", ["-xzOf", release.path, member], options);
  const config = Buffer.from(
    JSON.stringify({
      architecture: ARCH,
      os: "linux",
      config: { Env: ["PATH=/usr/bin:/bin"] },
      rootfs: { type: "layers", diff_ids: [digest(gunzipSync(layer))] },
    }),
  );
  const blob = (content: Buffer, mediaType: string): object => ({
    mediaType,
    size: content.length,
    digest: digest(content),
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: blob(config, "application/vnd.docker.container.image.v1+json"),
      layers: [blob(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
    }),
  );
  await mkdir(join(at, "blobs"), { recursive: true });
  await mkdir(join(at, "manifests"), { recursive: true });
  for (const content of [config, layer]) await writeFile(join(at, "blobs", digest(content)), content);
  await mkdir(join(at, "tags"));
  await writeFile(join(at, "tags/list"), JSON.stringify({ name: IMAGE, tags: ["latest"] }));
  for (const name of ["latest", digest(manifest)]) await writeFile(join(at, "manifests", name), manifest);
}

/** For git's plain HTTP transport, which needs nothing but files. */
async function makeRepository(directory: string): Promise<void> {
  const work = join(directory, "work");
  const git = (...words: string[]) => run("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words]);
  await git("init", "--quiet", "--initial-branch=main", work);
  await writeFile(join(work, "word"), `${WORD}\n`);
  await git("-C", work, "add", "word");
  await git("-C", work, "commit", "--quiet", "--message=word");
  await git("clone", "--quiet", "--bare", work, join(directory, "repository.git"));
  await git("-C", join(directory, "repository.git"), "update-server-info");
}
