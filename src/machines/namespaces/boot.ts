import type { Disk } from "../machine.ts";
import { mountName, type Hierarchy } from "../hierarchies.ts";
import { portScript, type Port } from "../network.ts";
import { quote } from "../quote.ts";
import { stockPath } from "../run.ts";

/** Everything that goes into one boot. Paths are the host's unless said otherwise. */
export interface Boot extends Port {
  /** The machine's directory: layers, upper, work. */
  readonly directory: string;
  /** Cgroups that the machine's init joins before it gets a cgroup namespace. */
  readonly payloads: readonly string[];
  readonly hierarchies: readonly Hierarchy[];
  /** File systems of the host that the machine's root lies over: `/`, and `/usr`, `/var`, … where they are separate. */
  readonly roots: readonly string[];
  /** Device nodes that a machine has, by path. */
  readonly devices: readonly string[];
  readonly disks: readonly Disk[];
  /** The program that becomes PID 1, as the machine sees it. */
  readonly init: string;
  readonly bootId: string;
}

/** Where the host's root hangs for a moment, until the disks are mounted. */
const hostRoot = "/run/host-root";

/**
 * The script that turns a process into the init of a machine. It runs as PID 1 of a new PID namespace, still among the host's
 * mounts, and calls itself once more inside all the other namespaces.
 *
 * The last thing it does before systemd takes over is to write `<pid> <start time> <boot id>` into the file `init`: who reads
 * that can enter the machine and finds its root in place.
 */
export function bootScript(boot: Boot): string {
  return `#!/bin/bash
set -eu
export PATH=${stockPath}
umask 022

if [ $# -eq 0 ]; then
${boot.payloads.map((payload) => `  echo 0 >${quote(`${payload}/cgroup.procs`)}`).join("\n")}
  exec unshare --mount --uts --ipc --net --cgroup -- /bin/bash "$0" inside
fi

cd ${quote(boot.directory)}
exec 4>init
read -r -a stat </proc/self/stat

# Root. The kernel refuses a layer that lies below another one ("overlapping layers"), as these would below /.
mkdir -p layers
mount -t tmpfs -o mode=755 tmpfs layers
cp -a files masks layers/
${boot.roots.map(overlay).join("\n")}
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs root/run
mkdir root/run/host-root root/run/systemd root/run/lock
chmod 1777 root/run/lock
mount -t proc -o nosuid,nodev,noexec proc root/proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs root/sys

${ownLib}

# Devices
mount -t tmpfs -o mode=755,nosuid,size=4m tmpfs root/dev
(cd / && cp -a --parents ${boot.devices.map((path) => quote(path.slice(1))).join(" ")} "$OLDPWD/root")
cp -a /dev/null root/dev/console
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,nosuid,noexec,mode=620,gid=5,ptmxmode=666 devpts root/dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s fd/0 root/dev/stdin
ln -s fd/1 root/dev/stdout
ln -s fd/2 root/dev/stderr

# Control groups
${cgroups(boot.hierarchies)}

# Network
${portScript(boot)}

# The machine's root becomes the root
mount --make-rprivate root
cd root
pivot_root . run/host-root
cd /
mount --make-rshared /

# Disks
${boot.disks.map(disk).join("\n")}

umount --lazy ${hostRoot}
rmdir ${hostRoot}
printf '%s %s %s\\n' "\${stat[0]}" "\${stat[21]}" ${quote(boot.bootId)} >&4
exec 4>&-
exec env -i container=lxc ${quote(boot.init)} --system --unit=multi-user.target </dev/null >/dev/null 2>&1
`;
}

/**
 * One overlay for each file system of the host. The options that let a layer refer to another one are off: the host's files may
 * change between two boots (kernel documentation, filesystems/overlayfs, "Changes to underlying filesystems").
 */
function overlay(root: string, index: number): string {
  const sub = root === "/" ? "" : root;
  const layers = [`layers/files${sub}`, `layers/masks${sub}`].map(quote);
  const lower = [...layers, quote(root)].join(":");
  const options = `lowerdir=${lower},upperdir=upper/${index},workdir=work/${index},index=off,metacopy=off,redirect_dir=off`;
  return `mkdir -p ${layers.join(" ")} upper/${index} work/${index}
mount -t overlay -o ${options} overlay ${quote(`root${sub}`)} || exit ${unsuitable}`;
}

/**
 * `/var/lib` is a directory of the machine's own on the file system that this is on, because whatever runs containers overlays
 * on what it makes there (Concourse's worker, Docker, containerd, Podman, LXD), and an overlay cannot lie on the machine's
 * root, which is one. What is there on the host (dpkg, apt, systemd …) is bound into it from the overlay; links and single
 * files are taken over once.
 */
const ownLib = `mount --bind root/var/lib lib-below
mount --bind lib root/var/lib
chmod 755 lib
shopt -s dotglob nullglob
for below in lib-below/*; do
  own=lib/\${below#lib-below/}
  if [ -d "$below" ] && [ ! -L "$below" ]; then
    # What the machine has put there itself came first.
    rmdir "$own" 2>/dev/null || [ ! -e "$own" ] || continue
    mkdir "$own"
    mount --bind "$below" "root/var/$own"
  elif [ ! -e "$own" ] && [ ! -L "$own" ]; then
    cp -a "$below" "$own"
  fi
done
umount lib-below`;

/** Exit code of the script when the overlay cannot be mounted: the directory is on a file system that cannot carry it. */
export const unsuitable = 64;

function cgroups(hierarchies: readonly Hierarchy[]): string {
  const split = hierarchies.some((hierarchy) => mountName(hierarchy) !== "");
  const lines = split ? ["mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs root/sys/fs/cgroup"] : [];
  for (const hierarchy of hierarchies) {
    const name = mountName(hierarchy);
    const target = quote(`root/sys/fs/cgroup/${name}`);
    const options = ["nosuid", "nodev", "noexec", hierarchy.options].filter((option) => option !== "").join(",");
    if (split) lines.push(`mkdir ${target}`);
    lines.push(`mount -t ${hierarchy.type} -o ${quote(options)} cgroup ${target}`);
    // `cpu,cpuacct` is also known by each of its names.
    if (name.includes(",")) {
      for (const single of name.split(",")) lines.push(`ln -s ${quote(name)} ${quote(`root/sys/fs/cgroup/${single}`)}`);
    }
  }
  return lines.join("\n");
}

/** Inside the machine's root, so that links on the way to its mount point lead where they lead there. */
function disk({ source, path, readOnly }: Disk): string {
  const options = `nosuid,nodev${readOnly ? ",ro" : ""}`;
  return `mkdir -p ${quote(path)}
mount --bind ${quote(`${hostRoot}${source}`)} ${quote(path)}
mount -o remount,bind,${options} ${quote(path)}`;
}
