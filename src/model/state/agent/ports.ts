/** Port ranges of a unit and of its machine. Juju 3.6: core/network/portrange.go, uniter/runner/context/ports.go. */
import type { PortRow } from "../data.ts";
import type { HookContext } from "./context.ts";

export function portText({ protocol, from, to }: PortRow): string {
  if (protocol === "icmp") return "icmp";
  return from === to ? `${from}/${protocol}` : `${from}-${to}/${protocol}`;
}

export function sameRange(a: PortRow, b: PortRow): boolean {
  return a.protocol === b.protocol && a.from === b.from && a.to === b.to;
}

export function samePort(a: PortRow, b: PortRow): boolean {
  return a.endpoint === b.endpoint && sameRange(a, b);
}

export function overlaps(a: PortRow, b: PortRow): boolean {
  return a.protocol === b.protocol && a.from <= b.to && b.from <= a.to;
}

/** By protocol, then port. */
export function byProtocol(a: PortRow, b: PortRow): number {
  return a.protocol.localeCompare(b.protocol) || a.from - b.from || a.to - b.to;
}

/** What is open with this hook's changes. */
export function openWithPending({ unit, ports }: HookContext): PortRow[] {
  let open = [...unit.ports];
  for (const { open: opens, ...port } of ports) {
    open = open.filter((other) => !samePort(other, port));
    if (opens) open.push(port);
  }
  return open;
}
