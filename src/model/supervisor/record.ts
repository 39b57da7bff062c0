/** `model.json`: all that a supervisor must know to carry on where the last one stopped. */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { DEFAULT_LINE, JUJU_LINES } from "../state/juju-line.ts";
import type { ModelPaths } from "./paths.ts";

const Disk = z.object({ name: z.string(), source: z.string(), path: z.string(), readOnly: z.boolean() });

const Record_ = z.object({
  schema: z.literal(1),
  name: z.string(),
  uuid: z.string(),
  /** First six hex digits of the UUID: what this model's namespaces, links and instances are named after. */
  short: z.string(),
  machines: z.enum(["namespaces", "incus", "lxd"]),
  /** What machines boot, as their kind calls it; "" for kinds without images. */
  image: z.string().default(""),
  /** The line of Juju that the model plays. */
  juju: z.enum(JUJU_LINES).default(DEFAULT_LINE),
  /** What its machines reach; a record from before there was a choice has none. */
  reach: z.enum(["inside", "outside", "host"]).default("inside"),
  /** Text for the Notes column of `status`; "" = none. */
  notes: z.string(),
  /** Application → directories that all its units see. */
  disks: z.record(z.string(), z.array(Disk)),
  /** Application → unit's port → host's port asked for. */
  exposed: z.record(z.string(), z.record(z.string(), z.number())),
  /** Machines that the operator stopped: they stay down. */
  stopped: z.array(z.string()),
  /** Unit → tar of the charm that is unpacked in it. */
  unpacked: z.record(z.string(), z.string()),
  /** Context ids of hooks, actions and execs under way, so that a successor can end what is left of them. */
  running: z.array(z.string()),
  /** Arguments of the release mirror, or null if the model runs none. */
  mirror: z
    .object({
      release: z.string(),
      /** Bytes a second; null = as fast as it goes. */
      throttle: z.number().nullable().default(null),
    })
    .nullable(),
  /** Snapshot of the model's state; null before the first start. */
  state: z.unknown(),
});

export type ModelRecord = z.infer<typeof Record_>;

/** What a model is made with, and stays. */
export type Origin = Pick<ModelRecord, "machines" | "image" | "juju" | "reach">;

/** The model's id in names of the host. */
export function shortId(uuid: string): string {
  return uuid.replaceAll("-", "").slice(0, 6);
}

export function newRecord(name: string, uuid: string, origin: Origin): ModelRecord {
  return {
    schema: 1,
    name,
    uuid,
    short: shortId(uuid),
    ...origin,
    notes: "",
    disks: {},
    exposed: {},
    stopped: [],
    unpacked: {},
    running: [],
    mirror: null,
    state: null,
  };
}

/** @throws UserError if there is no such model or its file cannot be understood. */
export function readRecord(paths: ModelPaths): ModelRecord {
  const text = readText(paths);
  const parsed = Record_.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const next = `Remove the model with: concourse-machine down -m ${paths.name} --yes`;
  throw new UserError(`${paths.record} is damaged (${parsed.error.issues[0]?.message ?? "unreadable"})`, next);
}

function readText(paths: ModelPaths): string {
  try {
    return readFileSync(paths.record, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new UserError(
      `there is no model ${JSON.stringify(paths.name)}`,
      "List the models with: concourse-machine models",
    );
  }
}

/** Replaces the file at once: a reader, or a process started after a kill, sees the old or the new one. */
export function writeRecord(paths: ModelPaths, record: ModelRecord): void {
  writeFileSync(`${paths.record}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${paths.record}.new`, paths.record);
}

/** The model's directories; root's alone, for secrets are in its state. */
export async function makeDirectories(paths: ModelPaths): Promise<void> {
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  for (const directory of [paths.machines, paths.charms, paths.resources, paths.plugins]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
}
