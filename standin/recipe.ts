/**
 * What a stand-in release is made of: the tree of a real Concourse archive (concourse/ci,
 * tasks/concourse-build/run.sh and tasks/validate-linux-rc/run.sh), filled with seeded content.
 */

import { createHash } from "node:crypto";
import { noise, prose } from "./noise.ts";
import { tgz, type Entry } from "./tarball.ts";
import type { Arch } from "../src/agent/contract.ts";
import type { PinnedNode } from "./executable.ts";

/**
 * `normal`: about 170 MB packed; `large`: about 950 MB, the size of a real release, for memory tests; `small`: hardly
 * more than its Node.js, for tests of everything but size.
 */
export type Variant = "small" | "normal" | "large";

export interface Recipe {
  readonly version: string;
  readonly arch: Arch;
  readonly variant: Variant;
  /** The bundled program. */
  readonly program: string;
  readonly node: PinnedNode;
}

/** Raised when the content changes in a way that neither program nor Node's version shows. */
const FORMAT = 1;
const MB = 1_000_000;
/** Packed size aimed at; the resource types' images fill what the rest leaves. */
const PACKED: Readonly<Record<Variant, number>> = { small: 56 * MB, normal: 170 * MB, large: 950 * MB };
/** What the filling of programs and downloads is divided by. */
const SHRUNK: Readonly<Record<Variant, number>> = { small: 100, normal: 1, large: 1 };

const TOOLS = ["containerd", "containerd-shim-runc-v2", "ctr", "gdn", "init", "runc"];
const CNI_PLUGINS =
  "bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tap tuning vlan vrf".split(
    " ",
  );
const FLY_PLATFORMS = ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"];
export const RESOURCE_TYPES =
  "bosh-io-release bosh-io-stemcell docker-image git github-release hg mock pool registry-image s3 semver time".split(
    " ",
  );

/** Identity of the archive that a recipe gives: lower-case hex. */
export function recipeHash(recipe: Recipe): string {
  const { node, ...rest } = recipe;
  return createHash("sha256")
    .update(JSON.stringify({ format: FORMAT, ...rest, node: node.version }))
    .digest("hex");
}

/** Everything but the resource types, whose size depends on what this came to. */
export async function* programEntries(recipe: Recipe, executable: Buffer): AsyncGenerator<Entry> {
  const seed = (name: string) => `${recipe.version}/${recipe.arch}/${name}`;
  const unit = MB / SHRUNK[recipe.variant];
  yield { name: "concourse/", mode: 0o755 };
  yield { name: "concourse/bin/", mode: 0o755 };
  yield { name: "concourse/bin/concourse", mode: 0o755, content: executable };
  yield { name: "concourse/bin/README.stand-in", mode: 0o644, content: Buffer.from(notice(recipe)) };
  yield { name: "concourse/bin/LICENSE.node", mode: 0o644, content: Buffer.from(recipe.node.license) };
  for (const name of TOOLS) {
    yield { name: `concourse/bin/${name}`, mode: 0o755, content: inertProgram(name, prose(seed(name), 24 * unit)) };
  }
  for (const name of CNI_PLUGINS) {
    yield { name: `concourse/bin/${name}`, mode: 0o755, content: inertProgram(name, prose(seed(name), 3 * unit)) };
  }
  yield { name: "concourse/fly-assets/", mode: 0o755 };
  for (const platform of FLY_PLATFORMS) {
    const name = `fly-${recipe.version}-${platform}`;
    const fly = await tgz([
      { name: "fly", mode: 0o755, content: inertProgram("fly", noise(seed(name), 4 * unit)), stored: true },
    ]);
    yield { name: `concourse/fly-assets/fly-${platform}.tgz`, mode: 0o644, content: fly, stored: true };
    yield sha1Entry(`concourse/fly-assets/fly-${platform}.tgz`, `${name}.tgz`, fly);
  }
  const windows = noise(seed("fly-windows-amd64"), 4 * unit);
  yield { name: "concourse/fly-assets/fly-windows-amd64.zip", mode: 0o644, content: windows, stored: true };
  yield sha1Entry("concourse/fly-assets/fly-windows-amd64.zip", `fly-${recipe.version}-windows-amd64.zip`, windows);
  yield { name: "concourse/resource-types/", mode: 0o755 };
}

/** The resource types, each with an image of `imageSize` bytes. */
export async function* resourceEntries(recipe: Recipe, imageSize: number): AsyncGenerator<Entry> {
  for (const type of RESOURCE_TYPES) {
    const directory = `concourse/resource-types/${type}/`;
    const metadata = {
      type,
      version: recipe.version,
      privileged: type === "docker-image",
      unique_version_history: type === "time",
    };
    const content = noise(`${recipe.version}/${recipe.arch}/${recipe.variant}/${type}`, imageSize);
    const image = await tgz([
      { name: "opt/resource/check", mode: 0o755, content: inertProgram(type, Buffer.alloc(0)) },
      { name: "opt/resource/data", mode: 0o644, content, stored: true },
    ]);
    yield { name: directory, mode: 0o755 };
    yield {
      name: `${directory}resource_metadata.json`,
      mode: 0o644,
      content: Buffer.from(`${JSON.stringify(metadata)}\n`),
    };
    yield { name: `${directory}rootfs.tgz`, mode: 0o644, content: image, stored: true };
  }
}

/** Size of one resource type's image in bytes, so that the archive comes to its aim. */
export function imageSize(variant: Variant, packedSoFar: number): number {
  return Math.floor((PACKED[variant] - packedSoFar) / RESOURCE_TYPES.length);
}

/** As `shasum` prints it. */
function sha1Entry(path: string, name: string, content: Buffer): Entry {
  const digest = createHash("sha1").update(content).digest("hex");
  return { name: `${path}.sha1`, mode: 0o644, content: Buffer.from(`${digest}  ${name}\n`) };
}

/** Says what it is when someone runs it; the filling behind `exit` is never read as a script. */
function inertProgram(name: string, filling: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`#!/bin/sh\necho "stand-in release: ${name} does nothing here" >&2\nexit 1\n`),
    filling,
  ]);
}

function notice(recipe: Recipe): string {
  return `This is a stand-in for Concourse ${recipe.version} (linux-${recipe.arch}), made for trying and testing deployments.
It registers workers and answers the API, and runs no pipelines. It contains no part of Concourse.

bin/concourse contains Node.js ${recipe.node.version} (LICENSE.node) and, under the licences MIT, BSD-3-Clause, ISC and Unlicense:
ssh2, asn1, bcrypt-pbkdf, tweetnacl, safer-buffer, postgres, bcryptjs and semver.
`;
}
