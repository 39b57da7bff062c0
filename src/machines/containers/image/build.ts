import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../errors.ts";
import { indexes, type AptIndex } from "../../apt.ts";
import { run } from "../../run.ts";
import { imageName, metadata, options, type Recipe } from "./recipe.ts";

/** Package that makes root file systems. */
export const builder = "mmdebstrap";

/** What is slow to make and safe to delete. */
function cacheDirectory(): string {
  return join(process.env["CONCOURSE_MACHINE_CACHE"] ?? "/var/cache/concourse-machine", "images");
}

/** The recipe for this host: units are what the host is, so that its own sources serve them. @throws UserError without apt. */
export async function hostRecipe(): Promise<Recipe> {
  const text = await readFile("/etc/os-release", "utf8");
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  if (!["debian", "ubuntu"].includes(field("ID")))
    throw new UserError(
      "The image of units is built on Debian and Ubuntu only",
      "Name one that the daemon can fetch: --image images:ubuntu/24.04",
    );
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  return { distribution: field("ID"), suite: field("VERSION_CODENAME"), architecture };
}

/** Where the image of a recipe is, or will be. */
export function imageFile(recipe: Recipe): string {
  return join(cacheDirectory(), `${imageName(recipe)}.tar`);
}

/** Whether the image is there or can be made as the host is. */
export function buildable(recipe: Recipe): boolean {
  return existsSync(imageFile(recipe)) || existsSync(`/usr/bin/${builder}`);
}

/** The image as one archive for the daemon; built first where the cache has none. Takes half a minute and 400 MB then. */
export async function builtImage(recipe: Recipe): Promise<string> {
  const file = imageFile(recipe);
  if (existsSync(file)) return file;
  await mkdir(cacheDirectory(), { recursive: true });
  // On a file system for roots, which /tmp need not be.
  const work = await mkdtemp(join(cacheDirectory(), "building-"));
  try {
    await build(recipe, work);
    await rename(join(work, "image.tar"), file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return file;
}

async function build(recipe: Recipe, work: string): Promise<void> {
  const at = (name: string) => join(work, name);
  await writeFile(at("sources.list"), sourceLines(await indexes(), recipe).join("\n"));
  await writeFile(at("apt.conf"), fetching(await run("apt-config", ["dump"])));
  await writeFile(at("metadata.yaml"), metadata(recipe, Math.floor(Date.now() / 1000)));
  const words = ["--format=directory", `--aptopt=${at("apt.conf")}`, recipe.suite, at("root"), at("sources.list")];
  await run("nice", [builder, ...options, ...words]);
  const kept = ["--numeric-owner", "--xattrs", "--xattrs-include=security.capability"];
  const renamed = ["--transform=s,^\\./,rootfs/,", "-C", at("root"), "."];
  await run("nice", ["tar", "--create", "--file", at("image.tar"), ...kept, "-C", work, "metadata.yaml", ...renamed]);
}

/** The host's own sources of its release: nothing of third parties, nothing of backports. @throws UserError if it has none. */
export function sourceLines(all: readonly AptIndex[], { suite }: Recipe): string[] {
  const wanted = all.filter(
    ({ release, origin, component }) =>
      ["Debian", "Ubuntu"].includes(origin) &&
      component === "main" &&
      [suite, `${suite}-updates`, `${suite}-security`].includes(release),
  );
  if (!wanted.some(({ release }) => release === suite))
    throw new UserError(`apt has no lists of ${suite}`, "Run: apt-get update");
  const lines = wanted.map(({ repository, release, component, signedBy }) => {
    const signed = signedBy === "" ? "" : ` [signed-by=${signedBy}]`;
    return `deb${signed} ${repository} ${release} ${component}`;
  });
  return [...new Set(lines)];
}

/** How the host's apt fetches: proxies, checks; but nothing of which lists it wants. */
export function fetching(dump: string): string {
  const lines = dump.split("\n").filter((line) => /^Acquire::(?!IndexTargets|Languages)\S+ ".+";$/.test(line));
  return `${lines.join("\n")}\n`;
}
