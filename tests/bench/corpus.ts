/** An archive shaped as a Concourse release, of any size: files of noise and of text, made once and kept. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

const MB = 1_000_000;
/** Part of the unpacked bytes that gzip can do nothing with; the rest is text. */
const NOISE = 0.37;
/** What gzip leaves of the rest, as part of all. */
const REST = 0.047;
const FILES = 64;

export interface Corpus {
  readonly archive: string;
  readonly sha256: string;
  readonly bytes: number;
  /** The same tree unpacked, with its top directory. */
  readonly tree: string;
}

/** @param megabytes of the archive, roughly; unpacked it has 2.4 times as many */
export function corpus(cache: string, megabytes: number): Corpus {
  const directory = join(cache, `bench-${megabytes}`);
  const [archive, tree, digest] = [join(directory, "archive.tgz"), join(directory, "tree"), join(directory, "sha256")];
  if (!existsSync(digest)) {
    rmSync(directory, { recursive: true, force: true });
    const unpacked = (megabytes * MB) / (NOISE + REST);
    for (let index = 0; index < FILES; index++) {
      writeFile(join(tree, "concourse", place(index)), unpacked / FILES);
    }
    execFileSync("sh", ["-c", `tar -C "$1" -cf - concourse | gzip -6 > "$2"`, "sh", tree, `${archive}.new`]);
    renameSync(`${archive}.new`, archive);
    writeFileSync(digest, execFileSync("sha256sum", [archive], { encoding: "utf8" }).slice(0, 64));
  }
  return { archive, tree, sha256: readFileSync(digest, "utf8"), bytes: statSync(archive).size };
}

function place(index: number): string {
  return index % 3 === 0 ? `bin/program-${index}` : `resource-types/type-${index}/rootfs.tgz`;
}

function writeFile(path: string, size: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "w", path.includes("/bin/") ? 0o755 : 0o644);
  for (let left = size; left > 0; left -= MB) {
    const noise = randomBytes(MB * NOISE);
    const line = createHash("sha256").update(noise).digest("hex");
    writeSync(file, Buffer.concat([noise, Buffer.alloc(Math.min(left, MB) * (1 - NOISE), `${line}\n`)]));
  }
  closeSync(file);
}
