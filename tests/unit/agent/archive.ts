/** A small archive with the shape of a Concourse release, and a mirror in memory that serves it. */
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { Target } from "../../../src/agent/contract.ts";
import type { Clock, HttpRequest } from "../../../src/ports.ts";
import { MIRROR, type Answer } from "./world.ts";

export interface TestArchive {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly target: Target;
}

/** Incompressible, so that a byte fetched is a byte of progress. */
export async function makeArchive(version = "7.14.3", size = 200_000): Promise<TestArchive> {
  const file = (name: string, body: Uint8Array | string) => {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    return {
      header: { name: `concourse/${name}`, size: bytes.length, mode: 0o755, type: "file" as const },
      body: bytes,
    };
  };
  const tar = await packTar([
    file("bin/concourse", randomBytes(size)),
    file("bin/runc", "runc"),
    file("fly-assets/fly-linux-amd64.tgz", "fly"),
    file("resource-types/mock/resource_metadata.json", "{}"),
  ]);
  const bytes = gzipSync(tar, { level: 1 });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    name: `concourse-${version}-linux-amd64.tgz`,
    bytes,
    target: { version, arch: "amd64", sha256, manifestSha256: null },
  };
}

/** Serves the archive in `pieces` over `milliseconds`, with digest and `latest.json`, and ranges. */
export function mirrorOf(clock: Clock, archive: TestArchive, milliseconds = 0, pieces = 100): Answer {
  const { name, bytes, target } = archive;
  return async ({ url, headers = {} }: HttpRequest) => {
    if (url === `${MIRROR}/latest.json`) return { status: 200, body: JSON.stringify({ version: target.version }) };
    if (url === `${MIRROR}/${name}.sha256`) return { status: 200, body: `${target.sha256}  ${name}\n` };
    if (url !== `${MIRROR}/${name}`) return { status: 404 };
    const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0);
    const rest = bytes.subarray(from);
    const common = { etag: '"1"', "content-length": String(rest.length) };
    const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    const body = slowly(clock, rest, Math.ceil(bytes.length / pieces), milliseconds / pieces);
    return from === 0
      ? { status: 200, headers: common, body }
      : { status: 206, headers: { ...common, ...range }, body };
  };
}

async function* slowly(clock: Clock, bytes: Uint8Array, piece: number, pause: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) {
    if (pause > 0) await clock.sleep(pause);
    yield bytes.subarray(at, at + piece);
  }
}
