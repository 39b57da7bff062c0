/** All that differs between Incus and LXD: names. Their REST API is the same (LXD 4.0 and newer, every Incus). */
export interface Flavour {
  readonly name: "incus" | "lxd";
  readonly title: "Incus" | "LXD";
  /** The client's command. */
  readonly client: "incus" | "lxc";
  /** Variable that tells daemon and client where the daemon keeps its data. */
  readonly variable: "INCUS_DIR" | "LXD_DIR";
  /** What the headers of the files API begin with. */
  readonly header: "X-Incus" | "X-LXD";
  /** Of what we do to the host, and of a daemon of our own. */
  readonly directory: string;
  /** Where daemons of the host listen: packages of the distribution, then others. */
  readonly sockets: readonly string[];
  /** Where the daemon's program may be. */
  readonly programs: readonly string[];
  /** Group that may use the daemon's socket. */
  readonly group: string;
  /** Packages of Debian and Ubuntu that bring daemon and client. */
  readonly packages: readonly string[];
  /** Unit of systemd, of those packages. */
  readonly service: string;
}

export const incus: Flavour = {
  name: "incus",
  title: "Incus",
  client: "incus",
  variable: "INCUS_DIR",
  header: "X-Incus",
  directory: "/var/lib/concourse-machine-incus",
  sockets: ["/var/lib/incus/unix.socket"],
  programs: ["/usr/libexec/incus/incusd", "/opt/incus/bin/incusd"],
  group: "incus-admin",
  packages: ["incus-base", "incus-client"],
  service: "incus.service",
};

export const lxd: Flavour = {
  name: "lxd",
  title: "LXD",
  client: "lxc",
  variable: "LXD_DIR",
  header: "X-LXD",
  directory: "/var/lib/concourse-machine-lxd",
  sockets: ["/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket"],
  programs: ["/usr/bin/lxd", "/usr/sbin/lxd"],
  group: "lxd",
  packages: ["lxd", "lxd-client"],
  service: "lxd.service",
};
