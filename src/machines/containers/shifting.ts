import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { UserError } from "../../errors.ts";
import { describe } from "./connect.ts";
import { DaemonError, project, type Daemon } from "./daemon.ts";
import type { Flavour } from "./flavour.ts";
import { Instance } from "./instance.ts";

/**
 * Whether a daemon can show a directory of the host to a machine with the owners that it has there (`shift=true`). What it says
 * of its kernel is not enough: LXD 5.0.2 says yes on Linux 6.18, and refuses when a machine starts. So one is started once, and
 * what came of it is noted at the project, for this kernel and this daemon.
 */
const key = "user.concourse-machine.shift";

/** What such a machine is called. */
const probePrefix = "probe-";

interface Project {
  readonly description: string;
  readonly config: Readonly<Record<string, string>>;
}

/** null: not tried yet. */
export async function shifts(daemon: Daemon): Promise<boolean | null> {
  const { kernel_features: features } = (await describe(daemon)).environment;
  if (features["idmapped_mounts"] !== "true") return false;
  const noted = (await daemon.find<Project>(`/1.0/projects/${project}`))?.config[key];
  if (noted === `yes ${await versions(daemon)}`) return true;
  return noted === `no ${await versions(daemon)}` ? false : null;
}

async function versions(daemon: Daemon): Promise<string> {
  const { kernel_version: kernel, server_version: server } = (await describe(daemon)).environment;
  return `${kernel} ${server}`;
}

/** Splits the names of instances into those of machines, and of tries that were interrupted. */
export function withoutProbes(names: readonly string[]): { readonly machines: string[]; readonly probes: string[] } {
  const probes = names.filter((name) => name.startsWith(probePrefix));
  return { machines: names.filter((name) => !probes.includes(name)), probes };
}

/** Boots a machine from the image with a shared directory, removes it, and notes the result. @throws UserError if it was refused. */
export async function tryShifting(flavour: Flavour, daemon: Daemon, image: string): Promise<void> {
  const shared = await mkdtemp(join(tmpdir(), "concourse-machine-"));
  const probe = new Instance(daemon, `${probePrefix}${process.pid}`);
  try {
    await probe.create(image, {});
    await probe.setDevices({ shared: { type: "disk", source: shared, path: "/srv/shared", shift: "true" } });
    await probe.act("start");
    await noteShifting(daemon, "yes");
  } catch (error) {
    if (!refusesShift(error)) throw error;
    await noteShifting(daemon, "no");
    throw cannotShift(flavour);
  } finally {
    await probe.remove();
    await rm(shared, { recursive: true });
  }
}

async function noteShifting(daemon: Daemon, result: "yes" | "no"): Promise<void> {
  const path = `/1.0/projects/${project}`;
  const { config, description } = await daemon.get<Project>(path);
  const json = { description, config: { ...config, [key]: `${result} ${await versions(daemon)}` } };
  await daemon.change("PUT", path, { json });
}

export function refusesShift(error: unknown): boolean {
  return error instanceof DaemonError && /idmapping abilities|shift/i.test(error.message);
}

/** What to do where owners cannot be mapped: nothing of that is for a tool to decide. */
export function cannotShift({ title, name }: Flavour): UserError {
  const other = name === "lxd" ? "--machines incus or --machines namespaces" : "--machines namespaces";
  return new UserError(
    `${title} cannot map the owners of a shared directory on this kernel (it refuses shift=true)`,
    `Use ${other}`,
  );
}
