/** A charm file from the operator's disk, taken into the model. */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { parseCharm, type CharmInfo } from "../state/model.ts";
import { readCharmArchive, writeCharmTar } from "./charm-archive.ts";
import type { LiveModel } from "./live-model.ts";

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** @throws UserError for what is no charm, in Juju's words where Juju would refuse it. */
export async function takeCharm(model: LiveModel, path: string): Promise<CharmInfo> {
  const archive = await readCharmArchive(path);
  // Of most files only the names matter.
  const names = Object.fromEntries(archive.files.map(({ name }) => [name, ""]));
  const info = parseCharm({ ...names, ...archive.texts });
  const sha256 = await sha256Of(path);
  const tar = join(model.paths.charms, `${sha256}.tar`);
  if (!existsSync(tar)) await writeCharmTar(path, tar);
  return { ...info, sha256, path: tar };
}

/**
 * Copies a resource to where all units of the application see it, replacing an older file at once.
 * @returns the copy's path
 * @throws UserError for an unknown resource or a file that is not there
 */
export async function takeResource(
  model: LiveModel,
  application: string,
  charm: { readonly name: string; readonly resources: CharmInfo["resources"] },
  resource: string,
  file: string,
): Promise<string> {
  const declared = charm.resources[resource];
  if (declared === undefined) throw new UserError(`charm "${charm.name}" has no resource "${resource}"`);
  const target = join(model.paths.resources, application, resource, declared.filename);
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const part = `${target}.${randomUUID()}`;
  try {
    await copyFile(file, part);
  } catch (error) {
    await rm(part, { force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EISDIR") throw error;
    throw new UserError(`${code === "ENOENT" ? "there is no file" : "not a file:"} ${file} for resource "${resource}"`);
  }
  await rename(part, target);
  return target;
}
