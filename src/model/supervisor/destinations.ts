/**
 * Where the model's proxy leads. It dials from the host's network, where more answers than units may reach: what listens on
 * loopback trusts the host's users, and link-local servers of clouds hand out the host's own credentials.
 */

import { lookup } from "node:dns/promises";
import { BlockList, connect, isIPv6, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { once } from "node:events";
import { links } from "../../machines/way-out.ts";

/** A connection that is not made for what it leads to; anything else that fails is another error. */
export class RefusedError extends Error {}

function list(subnets: readonly (readonly [address: string, length: number])[]): BlockList {
  const all = new BlockList();
  for (const [address, length] of subnets) all.addSubnet(address, length, isIPv6(address) ? "ipv6" : "ipv4");
  return all;
}

/** A list of version 4 also holds these addresses as version 6 writes them (`::ffff:127.0.0.1`). */
const loopback = list([
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["::", 127],
]);
const linkLocal = list([
  ["169.254.0.0", 16],
  ["fe80::", 10],
]);
const models = list([[links.address, links.length]]);
const several = list([
  ["224.0.0.0", 3],
  ["ff00::", 8],
]);

/** @param own addresses of this host, besides loopback. Null if a unit may reach it, else what it is. */
export function forbidden(address: string, own: readonly string[], host: boolean): string | null {
  const bare = address.replace(/%.*$/, "");
  const is = (subnets: BlockList): boolean => subnets.check(bare, isIPv6(bare) ? "ipv6" : "ipv4");
  if (is(linkLocal)) return "a link-local address";
  if (is(models)) return "an address of a model";
  if (is(several)) return "no address of a single host";
  if (host) return null;
  const mine = list(own.map((one) => [one, isIPv6(one) ? 128 : 32]));
  return is(loopback) || is(mine) ? "an address of this host" : null;
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address.replace(/%.*$/, "")),
  );
}

/**
 * A connection of this process to where a unit wants to go. What was looked at is what is dialled: a name is resolved once.
 * @param host whether addresses of this host are reached too
 * @throws RefusedError if one of the name's addresses is none for units
 */
export async function dial(name: string, port: number, host: boolean): Promise<Socket> {
  const addresses = await lookup(name, { all: true });
  const own = ownAddresses();
  for (const { address } of addresses) {
    const what = forbidden(address, own, host);
    if (what === null) continue;
    const is = address === name ? name : `${name} is ${address},`;
    const next = what === "an address of this host" ? "; units reach those in a model made with --allow-host" : "";
    throw new RefusedError(`${is}${address === name ? " is" : ""} ${what}${next}`);
  }
  const socket = connect({ host: name, port, lookup: (_name, _options, done) => done(null, addresses) });
  await once(socket, "connect");
  return socket;
}
