/** `manifest.json` as text and as a value. Pure. */
import type { Target } from "../agent/contract.ts";
import { isSha256, MANIFEST } from "./layout.ts";
import { parseJson } from "./files.ts";
import type { Manifest, ManifestFile } from "./types.ts";
import type { Contents } from "./unpack.ts";

/** Some hundred entries take 50 kB. */
export const LONGEST_MANIFEST = 16 * 1024 * 1024;

export function manifestOf(target: Pick<Target, "version" | "arch" | "sha256">, contents: Contents): Manifest {
  return { schema: 1, version: target.version, arch: target.arch, archive: target.sha256, ...contents };
}

/** The same manifest gives the same bytes: keys and lists in one order, nothing of time or place. */
export function writeManifest({ schema, version, arch, archive, directories, files, links }: Manifest): string {
  const plain = {
    schema,
    version,
    arch,
    archive,
    directories,
    files: files.map(({ path, size, mode, sha256 }) => ({ path, size, mode, sha256 })),
    links: links.map(({ path, target }) => ({ path, target })),
  };
  return `${JSON.stringify(plain, null, 1)}\n`;
}

/** Null unless the text is, byte for byte, what `writeManifest` gives: anything else was never written by us. */
export function readManifest(text: string): Manifest | null {
  const value = parseJson(text);
  return isManifest(value) && writeManifest(value) === text ? value : null;
}

function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value)) {
    return false;
  }
  const { schema, version, arch, archive, directories, files, links } = value;
  const head =
    schema === 1 && typeof version === "string" && (arch === "amd64" || arch === "arm64") && isDigest(archive);
  return (
    head &&
    isList(directories, isPath) &&
    isList(files, isFile) &&
    isList(links, isLink) &&
    distinct([...directories, ...[...files, ...links].map(({ path }) => path)])
  );
}

function isFile(value: unknown): value is ManifestFile {
  return (
    isRecord(value) &&
    isPath(value["path"]) &&
    typeof value["size"] === "number" &&
    Number.isSafeInteger(value["size"]) &&
    value["size"] >= 0 &&
    (value["mode"] === 0o444 || value["mode"] === 0o555) &&
    isDigest(value["sha256"])
  );
}

function isLink(value: unknown): value is { path: string; target: string } {
  return isRecord(value) && isPath(value["path"]) && typeof value["target"] === "string";
}

function isPath(value: unknown): value is string {
  const bad = ["", ".", ".."];
  return typeof value === "string" && value !== MANIFEST && value.split("/").every((part) => !bad.includes(part));
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && isSha256(value);
}

function isList<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is Item[] {
  return Array.isArray(value) && value.every(isItem);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function distinct(paths: readonly string[]): boolean {
  return new Set(paths).size === paths.length;
}
