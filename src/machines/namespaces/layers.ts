import { chmod, chown, link, lstat, mkdir, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createHash, randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { UserError } from "../../errors.ts";
import { run } from "../run.ts";
import { code } from "../errno.ts";

/**
 * What a machine's root is made of, from top to bottom:
 *
 *   upper   what the machine has changed; kept over a reboot
 *   files   what we put in: its name, its addresses, its own unit directory
 *   masks   whiteouts: what of the host it must not see
 *   /       the host
 *
 * Nothing can be overlaid on an overlay, as containers do: `/var/lib` is a directory of the machine's own (see boot.ts).
 *
 * `files` and `masks` are written anew at each boot. A whiteout is a character device 0:0 (kernel documentation,
 * filesystems/overlayfs); a directory that is in `masks` and in `files` is there but empty of the host's entries.
 */
export interface Identity {
  readonly instanceId: string;
  readonly hostname: string;
  readonly address: string;
  /** Text of resolv.conf. */
  readonly resolver: string;
}

/** Directories that are hidden and put back empty, with their modes. */
const emptied: Readonly<Record<string, number>> = {
  "/root": 0o700,
  "/home": 0o755,
  "/tmp": 0o1777,
  "/var/tmp": 0o1777,
};

/** Hidden: other machines and containers of the host, its own Concourse, its logs and its system configuration. */
const hidden = [
  "/etc/systemd",
  "/etc/machine-id",
  "/etc/fstab",
  "/etc/concourse",
  "/opt/concourse",
  "/var/log/journal",
  "/var/lib/concourse",
  "/var/lib/concourse-machine",
  "/var/lib/concourse-machine-incus",
  "/var/lib/concourse-machine-lxd",
  "/var/lib/concourse-unit",
  "/var/lib/concourse-worker",
  "/var/cache/concourse-machine",
  "/var/lib/juju",
  "/var/lib/docker",
  "/var/lib/containerd",
  "/var/lib/containers",
  "/var/lib/incus",
  "/var/lib/lxc",
  "/var/lib/lxd",
  "/var/snap/lxd",
];

const unitDirectory = "/usr/lib/systemd/system";

/** Directories through which units and generators of the host would be pulled into the boot. */
const pulling = /\.(wants|requires|upholds)$/;
const generators = ["system-generators", "user-generators", "system-environment-generators"];

/** What a machine boots: a bus for systemctl and a journal. Everything else is installed by charms. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  "multi-user.target.wants": ["dbus.service"],
  "sysinit.target.wants": ["systemd-journald.service"],
  "sockets.target.wants": ["dbus.socket", "systemd-journald.socket", "systemd-journald-dev-log.socket"],
};

/** Units that concern the kernel or the devices, which are the host's. */
const masked = [
  "systemd-binfmt.service",
  "systemd-journald-audit.socket",
  "systemd-modules-load.service",
  "systemd-networkd.service",
  "systemd-networkd.socket",
  "systemd-resolved.service",
  "systemd-sysctl.service",
  "systemd-timesyncd.service",
  "systemd-udevd.service",
  "systemd-udevd-control.socket",
  "systemd-udevd-kernel.socket",
  "tmp.mount",
];

/** `said` is what a program printed about it; its last line counts. */
export function unsuitableDirectory(directory: string, said: string): UserError {
  return new UserError(
    `The directory ${directory} is on a file system that cannot hold a machine (${said.trim().split("\n").at(-1)})`,
    "Set CONCOURSE_MACHINE_DATA to a directory on a local disk (ext4, xfs or btrfs)",
  );
}

/**
 * Writes the layers below `directory`. `secret` are further paths that the machine must not see (the tool's own clone and data).
 */
export async function writeLayers(directory: string, identity: Identity, secret: readonly string[]): Promise<void> {
  const files = join(directory, "files");
  const masks = join(directory, "masks");
  for (const layer of [files, masks]) {
    await rm(layer, { recursive: true, force: true });
    await mkdir(layer, { recursive: true });
  }
  await writeMasks(masks, [...Object.keys(emptied), ...hidden, ...(await pulled()), ...secret]);
  await writeFiles(files, identity);
}

async function pulled(): Promise<string[]> {
  const entries = await readdir(unitDirectory);
  return [
    ...entries.filter((entry) => pulling.test(entry)).map((entry) => join(unitDirectory, entry)),
    ...generators.map((name) => join(dirname(unitDirectory), name)),
  ];
}

async function writeMasks(layer: string, paths: readonly string[]): Promise<void> {
  // By a name of its own: a mknod whose caller was killed may still be about to make its file.
  const whiteout = join(layer, "..", `whiteout-${randomUUID()}`);
  await run("mknod", [whiteout, "c", "0", "0"]).catch((error: unknown) => {
    throw unsuitableDirectory(dirname(layer), error instanceof Error ? error.message : String(error));
  });
  // In order, so that a directory is hidden before anything below it could make it a parent.
  for (const path of [...new Set((await Promise.all(paths.map(names))).flat())].toSorted()) {
    await parents(layer, path);
    await link(whiteout, join(layer, path)).catch((error: unknown) => {
      // Two names of one place, or a place below one that is hidden as a whole.
      if (!["EEXIST", "ENOTDIR"].includes(code(error))) throw error;
    });
  }
  await rm(whiteout);
}

/** A path as it is named and as it is, when links lie between; nothing if the host has no such file. */
async function names(path: string): Promise<string[]> {
  try {
    const real = join(await realpath(dirname(path)), path.slice(path.lastIndexOf("/") + 1));
    return [real, await realpath(real)];
  } catch (error) {
    if (code(error) === "ENOENT") return [];
    throw error;
  }
}

/** Parents in a layer hide those of the host as far as owner and mode go, so they take them over. */
async function parents(layer: string, path: string): Promise<void> {
  const parent = dirname(path);
  if (parent === "/") return;
  await parents(layer, parent);
  const made = await mkdir(join(layer, parent)).then(
    () => true,
    (error: unknown) => {
      if (["EEXIST", "ENOTDIR"].includes(code(error))) return false;
      throw error;
    },
  );
  if (made) await likeHost(layer, parent);
}

async function likeHost(layer: string, path: string): Promise<void> {
  const host = await lstat(path).catch((error: unknown) => {
    if (code(error) === "ENOENT") return null;
    throw error;
  });
  if (host === null || !host.isDirectory()) return;
  await chown(join(layer, path), host.uid, host.gid);
  await chmod(join(layer, path), host.mode & 0o7777);
}

async function writeFiles(layer: string, identity: Identity): Promise<void> {
  for (const [path, mode] of Object.entries(emptied)) {
    await parents(layer, path);
    await mkdir(join(layer, path));
    await chmod(join(layer, path), mode);
  }
  for (const [path, text] of Object.entries(texts(identity))) {
    await parents(layer, path);
    await writeFile(join(layer, path), text, { mode: 0o644 });
  }
  for (const unit of masked) await place(layer, `/etc/systemd/system/${unit}`, "/dev/null");
  for (const [target, units] of Object.entries(wanted)) {
    for (const unit of units) await place(layer, `${unitDirectory}/${target}/${unit}`, `../${unit}`);
  }
}

async function place(layer: string, path: string, target: string): Promise<void> {
  await parents(layer, path);
  await symlink(target, join(layer, path));
}

/** The machine id is made from the instance id: stable, as on a real machine, and no other machine's. */
function texts(identity: Identity): Record<string, string> {
  const { instanceId, hostname, address, resolver } = identity;
  return {
    "/etc/machine-id": `${createHash("sha256").update(instanceId).digest("hex").slice(0, 32)}\n`,
    "/etc/hostname": `${hostname}\n`,
    "/etc/hosts": `127.0.0.1 localhost\n${address} ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`,
    "/etc/resolv.conf": resolver,
    "/etc/fstab": "",
  };
}
