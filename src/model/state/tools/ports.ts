/** open-port, close-port, opened-ports. Juju 3.6: uniter/runner/jujuc/ports.go, runner/context/ports.go. */
import { byProtocol, openWithPending, overlaps, portText, sameRange } from "../agent/ports.ts";
import type { HookContext } from "../agent/context.ts";
import type { PortRow } from "../data.ts";
import { asBytes } from "../names.ts";
import { parsePort } from "../port-syntax.ts";
import { UsageError } from "./flags.ts";
import { ALL_FORMATS, type Tool, type ToolCall, ToolError } from "./tool.ts";

const ENDPOINTS = {
  names: ["endpoints"],
  kind: "text",
  help: "a comma-delimited list of application endpoints",
} as const;

function portTool(
  name: "open-port" | "close-port",
  purpose: string,
  change: (context: HookContext, port: PortRow) => void,
): Tool {
  return {
    name,
    usage: "<port>[/<protocol>] or <from>-<to>[/<protocol>] or icmp",
    purpose,
    deprecatedFormat: true,
    flags: [ENDPOINTS],
    run(call) {
      const range = readRange(call);
      for (const endpoint of readEndpoints(call)) change(call.context, { endpoint, ...range });
    },
  };
}

function readRange(call: ToolCall): ReturnType<typeof parsePort> {
  const [argument] = call.args;
  if (argument === undefined) throw new UsageError("no port or range specified");
  call.atMost(1);
  try {
    return parsePort(argument);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** "" = all endpoints. */
function readEndpoints(call: ToolCall): string[] {
  const text = call.text("endpoints") ?? "";
  return text === "" ? [""] : text.split(",").map((name) => name.trim());
}

function open(context: HookContext, port: PortRow): void {
  refuseConflict(context, port, "open");
  if (openWithPending(context).some((other) => other.endpoint === port.endpoint && sameRange(other, port))) return;
  context.ports.push({ ...port, open: true });
}

function close(context: HookContext, port: PortRow): void {
  refuseConflict(context, port, "close");
  context.ports.push({ ...port, open: false });
}

/** Overlapping ranges of any unit on the machine; the very same range of the own unit is no conflict. */
function refuseConflict(context: HookContext, port: PortRow, verb: string): void {
  const refuse = (unit: string, other: PortRow, suffix = "") => {
    throw new ToolError(
      `cannot ${verb} ${portText(port)} (unit "${context.unit.name}"): port range conflicts with ${portText(other)} (unit "${unit}")${suffix}`,
    );
  };
  const own = openWithPending(context).find((other) => overlaps(other, port) && !sameRange(other, port));
  if (own !== undefined) refuse(context.unit.name, own, context.unit.ports.includes(own) ? "" : " requested earlier");
  for (const unit of Object.values(context.core.data.units)) {
    if (unit.machine !== context.unit.machine || unit === context.unit) continue;
    const theirs = unit.ports.find((other) => overlaps(other, port));
    if (theirs !== undefined) refuse(unit.name, theirs);
  }
}

const openedPorts: Tool = {
  name: "opened-ports",
  usage: "",
  purpose: "List all ports or port ranges opened by the unit.",
  formats: ALL_FORMATS,
  flags: [
    {
      names: ["endpoints"],
      kind: "bool",
      help: "display the list of target application endpoints for each port range",
    },
  ],
  run(call) {
    call.atMost(0);
    const ports = openWithPending(call.context).toSorted(byProtocol);
    const endpoints = Map.groupBy(ports, portText);
    const named = [...endpoints].map(([text, rows]) => `${text} (${endpointList(rows)})`);
    return { value: call.is("endpoints") ? named : [...endpoints.keys()] };
  },
};

function endpointList(rows: readonly PortRow[]): string {
  if (rows.some((row) => row.endpoint === "")) return "*";
  return rows
    .map((row) => row.endpoint)
    .toSorted(asBytes)
    .join(", ");
}

export const PORT_TOOLS: readonly Tool[] = [
  portTool("open-port", "Register a request to open a port or port range.", open),
  portTool("close-port", "Register a request to close a port or port range.", close),
  openedPorts,
];
