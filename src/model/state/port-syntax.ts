/** Port ranges as people write them. Juju 3.6: core/network/portrange.go ParsePortRange, Validate. */
import type { PortRow } from "./data.ts";

type Range = Omit<PortRow, "endpoint">;

/** `80`, `80/udp`, `8000-8010/tcp`, `icmp`; throws Error with Juju's message. */
export function parsePort(argument: string): Range {
  const text = argument.toLowerCase();
  if (text === "icmp") return { protocol: "icmp", from: -1, to: -1 };
  const [range = "", protocol = "tcp", ...rest] = text.split("/");
  if (rest.length > 0) throw new Error(`invalid port range "${text}"`);
  if (protocol === "icmp") throw new Error(`protocol "icmp" doesn't support any ports; got "${range}"`);
  const bounds = range.split("-");
  if (bounds.length > 2) throw new Error(`invalid port range "${range}"`);
  const from = parseNumber(bounds[0] ?? "");
  const to = bounds.length === 1 ? from : parseNumber(bounds[1] ?? "");
  if (protocol !== "tcp" && protocol !== "udp") {
    throw new Error(`invalid protocol "${protocol}", expected "tcp", "udp", or "icmp"`);
  }
  if (from > to) throw new Error(`invalid port range ${from}-${to}/${protocol}`);
  if (from < 0 || to > 65535) throw new Error(`port range bounds must be between 0 and 65535, got ${from}-${to}`);
  return { protocol, from, to };
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`invalid port "${text}": strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
