import { readFile } from "node:fs/promises";
import { code } from "./errno.ts";
import type { Network } from "./machine.ts";

/** How this host finds addresses of names (resolv.conf(5)). */
export interface Resolver {
  /** Addresses of name servers, in the order in which they are asked. */
  readonly servers: readonly string[];
  /** Domains that are tried behind a short name. */
  readonly search: readonly string[];
}

export async function hostResolver(): Promise<Resolver> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch((error: unknown) => {
    if (code(error) === "ENOENT") return "";
    throw error;
  });
  return parseResolver(text);
}

/** The last `search` or `domain` counts; without a server it is the one on loopback. */
export function parseResolver(text: string): Resolver {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const servers = lines.flatMap(([key, value]) => (key === "nameserver" && value !== undefined ? [value] : []));
  const search = lines.findLast(([key]) => key === "search" || key === "domain")?.slice(1) ?? [];
  return { servers: servers.length > 0 ? servers : ["127.0.0.1"], search: search.filter((domain) => domain !== ".") };
}

/**
 * The text of a machine's resolv.conf. Its name server is the model's, on the bridge, which asks those of the host: one on
 * the host's loopback (systemd-resolved, a VPN) no machine could ask itself, and one on the bridge a build's container can.
 */
export function machineResolver({ address, reach }: Network, { search }: Resolver): string {
  if (reach === "inside") return "# This model is isolated: there is no name server.\n";
  return `nameserver ${address}\n${search.length > 0 ? `search ${search.join(" ")}\n` : ""}`;
}
