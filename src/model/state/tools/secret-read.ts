/** secret-get, secret-info-get, secret-ids. Juju 3.6: uniter/runner/jujuc/secret-{get,info-get,ids}.go. */
import type { HookContext } from "../agent/context.ts";
import { managesSecret } from "../agent/secret-hooks.ts";
import type { Bag, SecretRow } from "../data.ts";
import { jujuOf } from "../juju-line.ts";
import { relationKey } from "../scopes.ts";
import { mayRead, ownerLabelTaken, parseSecretUri, saveConsumer } from "../secrets.ts";
import { UsageError } from "./flags.ts";
import { Struct } from "./output.ts";
import { ownedSecret } from "./secret-rules.ts";
import { ALL_FORMATS, type Tool, type ToolCall, ToolError } from "./tool.ts";

const LABEL = { names: ["label"], kind: "text", help: "a label used to identify the secret in hooks" } as const;

function givenId(uri: string | undefined): string | undefined {
  if (uri === undefined || uri === "") return undefined;
  const id = parseSecretUri(uri);
  if (id === undefined) throw new UsageError(`secret URI "${uri}" not valid`);
  return id;
}

const secretGet: Tool = {
  name: "secret-get",
  usage: "<ID> [key[#base64]]",
  purpose: "Get the content of a secret.",
  formats: ["yaml", "json"],
  flags: [
    LABEL,
    { names: ["peek"], kind: "bool", help: "get the latest revision just this time" },
    {
      names: ["refresh"],
      kind: "bool",
      help: "get the latest revision and also get this same revision for subsequent calls",
    },
  ],
  run(call) {
    const label = call.text("label") ?? "";
    const id = givenId(call.args[0]);
    if (id === undefined && label === "") throw new UsageError("require either a secret URI or label");
    if (call.is("peek") && call.is("refresh")) throw new UsageError("specify one of --peek or --refresh but not both");
    call.atMost(2);
    return { value: shown(content(call, id, label), call.args[1]) };
  },
};

function shown(values: Bag, asked: string | undefined): unknown {
  if (asked === undefined)
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, decoded(value)]));
  const encoded = asked.endsWith("#base64");
  const key = encoded ? asked.slice(0, -"#base64".length) : asked;
  const value = values[key];
  if (value === undefined) throw new ToolError(`secret key value "${key}" not found`);
  return encoded ? value : decoded(value);
}

function decoded(value: string): string {
  return Buffer.from(value, "base64").toString("utf8");
}

function content(call: ToolCall, given: string | undefined, label: string): Bag {
  const { context } = call;
  const id = given ?? labelled(context, label);
  const pending = context.secrets.get(id);
  if (pending !== undefined && pending.created !== null) return pending.values ?? {};
  const secret = context.core.data.secrets[id];
  if (secret === undefined) throw new ToolError(`secret "secret:${id}" not found`);
  if (!mayRead(context.core.data, context.unit, secret)) throw new ToolError("permission denied");
  const newest = call.is("peek") || call.is("refresh");
  const revision = track(call, secret, given === undefined ? "" : label);
  if (pending?.values !== undefined && newest) {
    if (call.is("refresh")) pending.track = true;
    return pending.values;
  }
  const found = secret.revisions[newest ? secret.latest : revision];
  if (found === undefined) throw new ToolError(`secret revision "secret:${id}/${revision}" not found`);
  return found.values;
}

/** By the label of the owner, then by that which the unit gave it as a consumer. */
function labelled(context: HookContext, label: string): string {
  for (const [id, pending] of context.secrets) if (pending.label === label) return id;
  const { unit, core } = context;
  const secrets = Object.values(core.data.secrets);
  const found =
    secrets.find((secret) => secret.label === label && [unit.name, unit.application].includes(secret.owner.name)) ??
    secrets.find((secret) => secret.consumers[unit.name]?.label === label);
  if (found === undefined) throw new ToolError(`consumer label "${label}" not found`);
  return found.id;
}

/** Stores who reads which revision, at once; the first read tracks the latest. Returns the tracked revision. */
function track(call: ToolCall, secret: SecretRow, label: string): number {
  const { core, unit } = call.context;
  const owns = managesSecret(core.data, unit, secret);
  if (owns && label !== "") relabel(call, secret, label);
  const old = secret.consumers[unit.name];
  const revision = old === undefined || call.is("refresh") ? secret.latest : old.revision;
  const own = owns || label === "" ? (old?.label ?? "") : label;
  saveConsumer(core, secret, unit, own, revision);
  return revision;
}

function relabel({ context: { core } }: ToolCall, secret: SecretRow, label: string): void {
  if (secret.label === label) return;
  if (ownerLabelTaken(core.data, secret.owner, label, secret.id))
    throw new ToolError(`secret with label "${label}" already exists`);
  secret.label = label;
  core.changed();
}

const secretInfoGet: Tool = {
  name: "secret-info-get",
  usage: "<ID>",
  purpose: "Get a secret's metadata info.",
  formats: ["yaml", "json"],
  flags: [LABEL],
  run(call) {
    const label = call.text("label") ?? "";
    const [uri] = call.args;
    if (uri === undefined && label === "") throw new UsageError("require either a secret URI or label");
    if (uri !== undefined && label !== "") throw new UsageError("specify either a secret URI or label but not both");
    const id = givenId(uri);
    call.atMost(1);
    return { value: info(call.context, id, label) };
  },
};

function info(context: HookContext, id: string | undefined, label: string): Record<string, Struct> {
  const { secrets } = context.core.data;
  const candidates = [...Object.keys(secrets), ...context.secrets.keys()];
  const found = candidates.find((candidate) => {
    const name = context.secrets.get(candidate)?.label ?? secrets[candidate]?.label;
    return id === undefined ? name === label && visible(context, candidate) : candidate === id;
  });
  if (found === undefined || !visible(context, found)) throw new ToolError(`secret "${id ?? label}" not found`);
  return { [found]: describe(context, found) };
}

function visible(context: HookContext, id: string): boolean {
  return context.secrets.get(id)?.created != null || ownedSecret(context, id) !== undefined;
}

/** As stored, overlaid with what this hook has asked for. */
function describe(context: HookContext, id: string): Struct {
  const stored = context.core.data.secrets[id];
  const pending = context.secrets.get(id);
  const description = pending?.description ?? stored?.description ?? "";
  const rotate = pending?.rotate ?? stored?.rotate ?? "never";
  const expire = pending?.expire ?? stored?.revisions[stored.latest]?.expire ?? null;
  const access = accessList(context, id, stored);
  return new Struct({
    revision: stored?.latest ?? 1,
    label: pending?.label ?? stored?.label ?? "",
    owner: (pending?.created?.owner ?? stored?.owner)?.kind ?? "application",
    ...(description === "" ? {} : { description }),
    ...(rotate === "never" && !jujuOf(context.core.data).neverRotates ? {} : { rotation: rotate }),
    ...(expire === null ? {} : { expiry: rfc3339(expire) }),
    ...(stored?.nextRotate == null ? {} : { rotates: rfc3339(stored.nextRotate) }),
    ...(access.length === 0 ? {} : { access }),
  });
}

function rfc3339(time: number): string {
  return new Date(time).toISOString().replace(/\.000Z$/, "Z");
}

function accessList(context: HookContext, id: string, stored: SecretRow | undefined): Struct[] {
  const revoked = context.revokes.filter((revoke) => revoke.secret === id).map((revoke) => revoke.name);
  const kept = (stored?.grants ?? []).filter((grant) => !revoked.includes(grant.name));
  const granted = context.grants.filter((grant) => grant.secret === id);
  return [...kept, ...granted].map((grant) => {
    const relation = context.core.data.relations[grant.relation];
    const scope =
      relation === undefined ? "" : `relation-${relationKey(relation).replaceAll(":", ".").replace(" ", "#")}`;
    return new Struct({ target: `${grant.kind}-${grant.name.replace("/", "-")}`, scope, role: "view" });
  });
}

const secretIds: Tool = {
  name: "secret-ids",
  usage: "",
  purpose: "Print secret IDs.",
  formats: ALL_FORMATS,
  run(call) {
    call.atMost(0);
    const { context } = call;
    const stored = Object.keys(context.core.data.secrets).filter((id) => ownedSecret(context, id) !== undefined);
    const created = [...context.secrets].filter(([, pending]) => pending.created !== null).map(([id]) => id);
    const ids = [...stored, ...created];
    return ids.length === 0 ? { value: null } : { value: ids };
  },
};

export const SECRET_READ_TOOLS: readonly Tool[] = [secretGet, secretInfoGet, secretIds];
