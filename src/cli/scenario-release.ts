/** The release that reports are about. */

import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UserError } from "../errors.ts";

export const VERSION = "7.14.3";
/** Bytes a second that it is served with: slow enough to see who holds the lock and who waits. */
export const THROTTLE = 25_000_000;

/** An archive of the operator's own, to be served by a mirror in place of the stand-in. */
export interface OwnArchive {
  readonly path: string;
  readonly version: string;
}

/** @throws UserError for a file that is not there, or whose name is not upstream's: a mirror's clients ask by it. */
export function ownArchive(file: string): OwnArchive {
  const path = resolve(file);
  if (!existsSync(path)) throw new UserError(`There is no file ${path}`, "Use: --release-file FILE");
  const version = archiveVersion(path);
  if (version !== undefined) return { path, version };
  throw new UserError(
    `${path} is not named as upstream names its archives`,
    "Name it concourse-VERSION-linux-amd64.tgz, or arm64",
  );
}

/** Version in upstream's name for an archive. */
export function archiveVersion(file: string): string | undefined {
  return /^concourse-(\d+\.\d+\.\d+)-linux-/.exec(basename(file))?.[1];
}

/** What a report says of the release. `mirrored`: a mirror of ours served it. */
export function releaseText(own: OwnArchive | null, mirrored: boolean): string {
  if (!mirrored) return "github.com/concourse/concourse";
  return `${own === null ? "stand-in" : basename(own.path)}, served at ${THROTTLE / 1e6} MB/s`;
}

/** What a run on this release cannot show. */
export function limitationsOf(own: OwnArchive | null, mirrored: boolean): string[] {
  if (!mirrored) return ["The bytes that GitHub sent were not counted."];
  if (own !== null) return [];
  return ["The stand-in release runs no pipelines. With the real one: concourse-machine verify --release github"];
}
