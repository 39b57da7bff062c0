import { BlockList, isIP } from "node:net";
import type { Proxy } from "../ports.ts";

/**
 * The proxy for a URL, null for a direct connection. `none` is read as Juju's `juju-no-proxy` is meant: hosts, domains
 * (with their subdomains, with or without a leading dot), addresses, CIDR networks, each with an optional port, or `*`.
 */
export function proxyFor(url: URL, proxy: Proxy): string | null {
  const through = url.protocol === "https:" ? proxy.https : proxy.http;
  if (through === null || through === "") {
    return null;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const direct = (proxy.none ?? "")
    .split(/[\s,]+/)
    .some((entry) => entry !== "" && covers(entry.toLowerCase(), host, port));
  return direct ? null : through;
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === "*") {
    return true;
  }
  const network = /^([0-9a-f.:]+)\/(\d+)$/.exec(entry);
  if (network !== null) {
    return inNetwork(host, network[1] ?? "", Number(network[2]));
  }
  const bracketed = /^\[([0-9a-f:]+)\](?::(\d+))?$/.exec(entry);
  const named = isIP(entry) === 6 ? null : /^([^:]+):(\d+)$/.exec(entry);
  const [, name = entry, wanted] = bracketed ?? named ?? [];
  if (wanted !== undefined && wanted !== port) {
    return false;
  }
  const domain = name.replace(/^\*?\./, "");
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const version = isIP(network);
  if (version === 0 || isIP(host) !== version || bits > (version === 4 ? 32 : 128)) {
    return false;
  }
  const family = version === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}
