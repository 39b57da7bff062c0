import { createHash } from "node:crypto";

/**
 * Addresses of a model's network. The network is a namespace of its own, so nothing on the host can collide with it; only
 * what runs inside the machines must be left alone, which is 10.80.0.0/16, the container pool of Concourse's containerd
 * runtime (Concourse 7, worker/runtime/cni_network.go). Everything is computed, nothing recorded: the same model and
 * machine have the same address after any restart.
 */
export interface Addressing {
  readonly cidr: string;
  /** The host side of the bridge. */
  readonly gateway: string;
  readonly prefixLength: number;
}

const firstOctet = 10;
const lowestNetwork = 81;
const networks = 256 - lowestNetwork;
/** Room below the machines for the bridge and servers of the model. */
const firstHost = 10;
const hosts = 2 ** 16 - 1;

function network(model: string): string {
  const hash = createHash("sha256").update(model).digest().readUInt32BE(0);
  return `${firstOctet}.${lowestNetwork + (hash % networks)}`;
}

export function addressing(model: string): Addressing {
  const base = network(model);
  return { cidr: `${base}.0.0/16`, gateway: `${base}.0.1`, prefixLength: 16 };
}

/** Address of a machine by its Juju number; a whole /16, so that a model never runs out of numbers it has used before. */
export function machineAddress(model: string, id: string): string {
  const host = Number(id) + firstHost;
  if (!/^\d+$/.test(id) || host >= hosts) throw new Error(`machine id ${JSON.stringify(id)} has no address`);
  return `${network(model)}.${host >> 8}.${host & 255}`;
}

/** A link address made from the IP address: peers' neighbour tables stay right when a machine is started again. */
export function linkAddress(address: string): string {
  const octets = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return `02:63:${octets.join(":")}`;
}
