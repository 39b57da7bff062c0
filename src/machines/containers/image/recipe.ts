import { createHash } from "node:crypto";

/**
 * The root of a unit, as small as a charm may find it. Everything here, with what it depends on, is in a stock server of
 * Ubuntu 24.04 (seeds of ubuntu-noble: minimal, standard, server-minimal): what works here works there. In particular
 * nothing brings libraries of a compiler (libatomic, libgomp), which such a server lacks as well.
 */
export const packages = [
  "ca-certificates",
  "curl",
  "dbus",
  "iproute2",
  "iptables",
  "iputils-ping",
  "libpam-systemd",
  "procps",
  "systemd",
  "systemd-sysv",
  // Without it networkd leaves eth0 pending (systemd 252).
  "udev",
];

/** Files that nobody reads in a unit. */
const without = ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"];

/** Run in the root once all packages are there. What is masked concerns the kernel or the clock, which are the host's. */
const finish = [
  "systemctl enable systemd-networkd.service",
  "systemctl mask systemd-binfmt.service systemd-timesyncd.service systemd-networkd-wait-online.service",
  "rm -f /etc/hostname /etc/machine-id /etc/resolv.conf",
  // Empty: each machine gets one of its own when it first boots (machine-id(5)).
  ": >/etc/machine-id",
];

export interface Recipe {
  /** Distribution and release, as the host has them: `debian bookworm`. */
  readonly distribution: string;
  readonly suite: string;
  /** By Debian's name. */
  readonly architecture: string;
}

/** Options of mmdebstrap(1) that do not depend on the host. */
export const options = [
  "--mode=root",
  "--variant=minbase",
  `--include=${packages.join(",")}`,
  ...without.map((path) => `--dpkgopt=path-exclude=${path}`),
  `--customize-hook=chroot "$1" sh -ec '${finish.map((line) => line.replaceAll("'", `'"'"'`)).join("; ")}'`,
];

/** Name of the image: another recipe has another one. */
export function imageName(recipe: Recipe): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([recipe, options]))
    .digest("hex");
  return `unit-${recipe.suite}-${recipe.architecture}-${hash.slice(0, 12)}`;
}

/** What the daemon must know of an image (Incus 6.0, doc/reference/image_format.md). */
export function metadata({ distribution, suite, architecture }: Recipe, created: number): string {
  return JSON.stringify({
    architecture: architecture === "arm64" ? "aarch64" : "x86_64",
    creation_date: created,
    properties: {
      description: `Unit of concourse-machine (${distribution} ${suite})`,
      os: distribution,
      release: suite,
    },
  });
}
