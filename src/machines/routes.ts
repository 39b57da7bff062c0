import { run } from "./run.ts";

export interface Subnet {
  /** IPv4, in dots. */
  readonly address: string;
  /** Bits that all its addresses share. */
  readonly length: number;
}

/** Routes as wide as this are the world in parts, as VPNs write it (0.0.0.0/1): nobody lives there. */
const narrowest = 8;

/** Where the host's routes lead, those to the whole world left out. */
export async function hostRoutes(): Promise<Subnet[]> {
  const text = await run("ip", ["-4", "-json", "route", "show", "table", "all"]);
  return (JSON.parse(text) as { readonly dst: string }[])
    .map(({ dst }) => subnet(dst))
    .filter((route) => route.length >= narrowest);
}

/** `10.0.0.0/8`, a single address, or `default`. */
export function subnet(text: string): Subnet {
  if (text === "default") return { address: "0.0.0.0", length: 0 };
  const [address = "", length = "32"] = text.split("/");
  return { address, length: Number(length) };
}

/** Whether the two have an address in common. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  const length = Math.min(one.length, other.length);
  // Not by shifting, which counts modulo 32.
  const network = ({ address }: Subnet) => Math.floor(number(address) / 2 ** (32 - length));
  return network(one) === network(other);
}

export function inNetwork(address: string, network: Subnet): boolean {
  return overlaps({ address, length: 32 }, network);
}

function number(address: string): number {
  return address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
