/** network-get, unit-get. Juju 3.6: uniter/runner/jujuc/{network-get,unit-get}.go, network/params. */
import { createHash } from "node:crypto";
import type { HookContext } from "../agent/context.ts";
import { charmOf, machineOf } from "../rows.ts";
import { UsageError } from "./flags.ts";
import { Struct } from "./output.ts";
import { RELATION_FLAG } from "./relation-flag.ts";
import { ALL_FORMATS, type Tool, type ToolCall, ToolError } from "./tool.ts";

const networkGet: Tool = {
  name: "network-get",
  usage: "<binding-name> [--ingress-address] [--bind-address] [--egress-subnets]",
  purpose: "Get network config.",
  formats: ALL_FORMATS,
  flags: [
    { names: ["primary-address"], kind: "bool", help: "(deprecated) get the primary address for the binding" },
    { names: ["bind-address"], kind: "bool", help: "get the address for the binding on which the unit should listen" },
    { names: ["ingress-address"], kind: "bool", help: "get the ingress address for the binding" },
    { names: ["egress-subnets"], kind: "bool", help: "get the egress subnets for the binding" },
    RELATION_FLAG,
  ],
  run(call) {
    const [binding] = call.args;
    if (binding === undefined) throw new UsageError("no arguments specified");
    if (binding === "") throw new UsageError("no binding name specified");
    call.atMost(1);
    const asked = ["bind-address", "ingress-address", "egress-subnets"].filter((flag) => call.is(flag));
    if (call.is("primary-address") && asked.length > 0)
      throw new ToolError("--primary-address must be the only flag specified");
    const address = addressOf(call.context, binding);
    if (call.is("primary-address")) return { value: address };
    return { value: asked.length === 0 ? everything(call, address) : chosen(asked, address) };
  },
};

function addressOf(context: HookContext, binding: string): string {
  const { info } = charmOf(context.core.data, context.application);
  if (!(binding in info.endpoints) && !info.extraBindings.includes(binding)) {
    throw new ToolError(`no network config found for binding "${binding}"`);
  }
  const { address } = machineOf(context.core.data, context.unit);
  if (address === "") throw new ToolError(`no addresses attached to space for binding "${binding}"`);
  return address;
}

function chosen(asked: readonly string[], address: string): unknown {
  const values: Record<string, unknown> = {
    "bind-address": address,
    "ingress-address": address,
    "egress-subnets": [`${address}/32`],
  };
  const [only = ""] = asked;
  return asked.length === 1 ? values[only] : Object.fromEntries(asked.map((flag) => [flag, values[flag]]));
}

/** YAML shows some things twice, under Go's field names. */
function everything(call: ToolCall, address: string): Struct {
  const json = call.text("format") === "json";
  const mac = macOf(address);
  const cidr = `${address.split(".").slice(0, 3).join(".")}.0/24`;
  const value = new Struct({ hostname: "", ...(json ? {} : { address }), value: address, cidr });
  const named = new Struct({
    "mac-address": mac,
    "interface-name": "eth0",
    addresses: [value],
    ...(json ? {} : { macaddress: mac, interfacename: "eth0" }),
  });
  return new Struct({
    "bind-addresses": [named],
    "egress-subnets": [`${address}/32`],
    "ingress-addresses": [address],
  });
}

/** The same address has the same MAC, in the range that LXD takes. */
function macOf(address: string): string {
  const digest = createHash("sha256").update(address).digest("hex");
  return `00:16:3e:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

const unitGet: Tool = {
  name: "unit-get",
  usage: "<setting>",
  purpose: "Print public-address or private-address.",
  formats: ALL_FORMATS,
  run(call) {
    const [setting] = call.args;
    if (setting === undefined) throw new UsageError("no setting specified");
    if (setting !== "private-address" && setting !== "public-address")
      throw new UsageError(`unknown setting "${setting}"`);
    call.atMost(1);
    const { address } = machineOf(call.context.core.data, call.context.unit);
    if (address === "") throw new ToolError(`${setting.replace("-", " ")} not found`);
    return { value: address };
  },
};

export const NETWORK_TOOLS: readonly Tool[] = [networkGet, unitGet];
