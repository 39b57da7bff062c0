import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { ROOT } from "../run.mjs";
import { bundle } from "./bundle.ts";
import { runtimeFor, type Arch } from "./runtime.ts";

/** A file of the charm. `file` names one that is read only when the archive is written; `identity` stands for its bytes. */
export interface Entry {
  readonly path: string;
  readonly content: Buffer | { readonly file: string; readonly identity: string };
}

/** The only two; everything else is 0644 (HC: Juju sets no execute bit on them itself). */
export function isExecutable(path: string): boolean {
  return path === "dispatch" || path === "bin/node";
}

/** Where the charm's program starts. */
const CHARM_ENTRY = "src/charm/main.ts";

/** Used by `charmcraft` only; see `charmcraft.ts`. */
const NOT_PACKED: ReadonlySet<string> = new Set(["charmcraft.yaml"]);

/**
 * Everything in the charm for `arch`, sorted by path: the files of `charm/` as they are, the bundled program, its Node,
 * and what describes them.
 */
export async function charmContents(arch: Arch, entry = CHARM_ENTRY): Promise<Entry[]> {
  const [runtime, { program, licences }, files] = await Promise.all([runtimeFor(arch), bundle(entry), charmFiles()]);
  const node = `Node.js ${runtime.version} (bin/node)\n\n${await readFile(runtime.licence, "utf8")}`;
  const entries: Entry[] = [
    ...files,
    { path: "LICENSE", content: await readFile(join(ROOT, "LICENSE")) },
    { path: "LICENSES.third-party.txt", content: Buffer.from(`${licences}\n${"-".repeat(80)}\n\n${node}`) },
    { path: "bin/node", content: { file: runtime.binary, identity: runtime.integrity } },
    { path: "main.mjs", content: Buffer.from(program) },
    { path: "manifest.yaml", content: Buffer.from(manifest(arch)) },
  ];
  entries.push({ path: "version", content: Buffer.from(await version(entries)) });
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function charmFiles(): Promise<Entry[]> {
  const root = join(ROOT, "charm");
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = found.filter((item) => item.isFile()).map((item) => relative(root, join(item.parentPath, item.name)));
  const packed = paths.filter((path) => !NOT_PACKED.has(path));
  return Promise.all(packed.map(async (path) => ({ path, content: await readFile(join(root, path)) })));
}

/** Juju reads `bases` only, and deploys on 24.04 if nothing else is said ("charm12/manifest.go", Juju 3.6). */
function manifest(arch: Arch): string {
  const base = (channel: string): string => `- name: ubuntu\n  channel: "${channel}"\n  architectures:\n  - ${arch}\n`;
  return `bases:\n${base("22.04")}${base("24.04")}`;
}

/** The package's version and a digest of the contents, which tells two builds apart: `0.1.0+1a2b3c4d5e6f`. */
async function version(entries: readonly Entry[]): Promise<string> {
  const about = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  return `${about.version}+${digest(entries).slice(0, 12)}\n`;
}

/** SHA-256, in hex, over paths, modes and contents. */
export function digest(entries: readonly Entry[]): string {
  const hash = createHash("sha256");
  for (const { path, content } of entries) {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content.identity);
    hash.update(`${path}\0${isExecutable(path)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}
