import { existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CLIENTS, type Client } from "./daemons.ts";

/** Bytes. Upstream's clients are programs of megabytes. */
const SCRIPT = 4096;

/**
 * The clients to look for containers with where none is named: not an `lxc` that would install LXD. Ubuntu's package
 * lxd-installer has such a script at /usr/sbin/lxc (Ubuntu 24.04): called by root, it has the snap installed if there is none.
 * @param path directories of programs
 * @param snap the client of the snap
 */
export function clientsHere(path = process.env["PATH"] ?? "", snap = "/snap/bin/lxc"): readonly Client[] {
  const lxc = path
    .split(delimiter)
    .map((directory) => join(directory, "lxc"))
    .find((file) => existsSync(file));
  const installs = lxc !== undefined && !existsSync(snap) && isInstaller(lxc);
  return installs ? CLIENTS.filter((client) => client !== "lxc") : CLIENTS;
}

function isInstaller(file: string): boolean {
  const stat = statSync(file);
  return stat.isFile() && stat.size < SCRIPT && readFileSync(file, "utf8").includes("/run/lxd-installer.socket");
}
