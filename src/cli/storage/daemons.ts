/** The containers of this host, by the clients of LXD and Incus. Always those of its own daemons, whatever remote is the default. */

import { UserError } from "../../errors.ts";
import type { Exec } from "../../ports.ts";
import { ClientError, output, read } from "./clients.ts";
import { Instances, Server, type Device } from "./documents.ts";

export type Client = "lxc" | "incus";
export const CLIENTS: readonly Client[] = ["lxc", "incus"];

export interface Instance {
  readonly client: Client;
  readonly project: string;
  readonly name: string;
  /** `container` or `virtual-machine`. */
  readonly type: string;
  /** `Running`, `Stopped`, `Frozen`, `Error`. */
  readonly status: string;
  /** The cluster member it is on, if that is not this host. */
  readonly elsewhere: string | null;
  readonly config: Readonly<Record<string, string>>;
  readonly profiles: readonly string[];
  /** Its own devices, and those with its profiles' under them. */
  readonly devices: Readonly<Record<string, Device>>;
  readonly expandedDevices: Readonly<Record<string, Device>>;
}

const QUERY = "local:/1.0/instances?recursion=1&all-projects=true";

/**
 * All instances of this host, of all projects.
 * @param clients which ones to ask; one that is not installed or has no daemon is passed over while another answers
 * @throws UserError if none answers
 */
export async function listInstances(exec: Exec, clients: readonly Client[]): Promise<Instance[]> {
  const problems: string[] = [];
  const found: Instance[] = [];
  for (const client of clients) {
    try {
      found.push(...(await instancesOf(exec, client)));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length === clients.length)
    throw new UserError(
      `no containers can be seen here: ${problems.join("; ")}`,
      "Run this on the host of the containers",
    );
  return found;
}

async function instancesOf(exec: Exec, client: Client): Promise<Instance[]> {
  const server = read(Server, await output(exec, [client, "query", "local:/1.0"]), `${client} query`).environment;
  const instances = read(Instances, await output(exec, [client, "query", QUERY]), `${client} query`);
  const here = server.server_clustered === true ? server.server_name : undefined;
  return instances.map(({ expanded_devices: expandedDevices, location, ...rest }) => ({
    ...rest,
    client,
    expandedDevices,
    elsewhere: here === undefined || location === here ? null : location,
  }));
}

/** A directory of the host, as a device of an instance. */
export interface Disk {
  readonly device: string;
  readonly source: string;
  readonly path: string;
  readonly readOnly: boolean;
}

/** The command that adds a disk. `shift`: root of the container is root on the disk, and so is everybody. */
export function addWords(
  { client, project, name }: Pick<Instance, "client" | "project" | "name">,
  disk: Disk,
): string[] {
  const options = [`source=${disk.source}`, `path=${disk.path}`, "shift=true", `readonly=${disk.readOnly}`];
  return [client, "config", "device", "add", `local:${name}`, disk.device, "disk", ...options, "--project", project];
}

export function removeWords({ client, project, name }: Pick<Instance, "client" | "project" | "name">, device: string) {
  return [client, "config", "device", "remove", `local:${name}`, device, "--project", project];
}
