/** secret-add, secret-set, secret-remove. Juju 3.6: uniter/runner/jujuc/secret-{add,set,remove}.go. */
import type { PendingSecret } from "../agent/context.ts";
import { isRotatePolicy, parseSecretUri, secretId } from "../secrets.ts";
import { type FlagSpec, UsageError } from "./flags.ts";
import { readContent } from "./secret-content.ts";
import { parseExpiry, refuseUnlessManager } from "./secret-rules.ts";
import { type Tool, type ToolCall, ToolError } from "./tool.ts";

const FLAGS: readonly FlagSpec[] = [
  { names: ["expire"], kind: "text", help: "either a duration or time when the secret should expire" },
  { names: ["rotate"], kind: "text", help: "the secret rotation policy" },
  { names: ["description"], kind: "text", help: "the secret description" },
  { names: ["label"], kind: "text", help: "a label used to identify the secret in hooks" },
  { names: ["file"], kind: "text", help: "a YAML file containing secret key values" },
  { names: ["owner"], kind: "text", help: "the owner of the secret, either the application or unit" },
];

/** What the options ask for; positionals are content. */
function readOptions(call: ToolCall, content: readonly string[]): Omit<PendingSecret, "created"> {
  const expire = call.text("expire");
  const rotate = call.text("rotate");
  const owner = call.text("owner") ?? "application";
  if (rotate !== undefined && rotate !== "" && !isRotatePolicy(rotate))
    throw new UsageError(`rotate policy "${rotate}" not valid`);
  if (owner !== "application" && owner !== "unit") throw new UsageError(`secret owner "${owner}" not valid`);
  const expires = expire === undefined || expire === "" ? undefined : parseExpiry(expire, call.now);
  const values = readContent(call, content);
  const label = call.text("label");
  const description = call.text("description");
  return {
    ...(label === undefined ? {} : { label }),
    ...(description === undefined ? {} : { description }),
    ...(rotate === undefined || rotate === "" ? {} : { rotate }),
    ...(expires === undefined ? {} : { expire: expires }),
    ...(Object.keys(values).length === 0 ? {} : { values }),
  };
}

const secretAdd: Tool = {
  name: "secret-add",
  usage: "[key[#base64|#file]=value...]",
  purpose: "Add a new secret.",
  flags: FLAGS,
  run(call) {
    if (call.args.length === 0 && (call.text("file") ?? "") === "")
      throw new UsageError("missing secret value or filename");
    const pending = readOptions(call, call.args);
    const { context } = call;
    const owner =
      call.text("owner") === "unit"
        ? ({ kind: "unit", name: context.unit.name } as const)
        : ({ kind: "application", name: context.unit.application } as const);
    if (owner.kind === "application" && !context.leads) throw new ToolError("this unit is not the leader");
    const label = pending.label ?? "";
    if (
      label !== "" &&
      [...context.secrets.values()].some((other) => other.created !== null && other.label === label)
    ) {
      throw new ToolError(`secret with label "${label}" already exists`);
    }
    const id = secretId(context.core.random(12));
    context.secrets.set(id, { ...pending, values: pending.values ?? {}, created: { owner } });
    return { text: `secret://${context.core.data.uuid}/${id}\n` };
  },
};

function neededId(call: ToolCall): string {
  const [uri] = call.args;
  if (uri === undefined) throw new UsageError("missing secret URI");
  const id = parseSecretUri(uri);
  if (id === undefined) throw new UsageError(`secret URI "${uri}" not valid`);
  return id;
}

const secretSet: Tool = {
  name: "secret-set",
  usage: "<ID> [key[#base64]=value...]",
  purpose: "Update an existing secret.",
  flags: FLAGS,
  run(call) {
    const id = neededId(call);
    const update = readOptions(call, call.args.slice(1));
    refuseUnlessManager(call.context, id);
    const pending = call.context.secrets.get(id) ?? { created: null };
    call.context.secrets.set(id, Object.assign(pending, update));
  },
};

const secretRemove: Tool = {
  name: "secret-remove",
  usage: "<ID>",
  purpose: "Remove an existing secret.",
  flags: [
    {
      names: ["revision"],
      kind: "text",
      help: "remove the specified revision",
      check(value) {
        if (!/^[+-]?\d+$/.test(value)) throw new Error(`strconv.ParseInt: parsing "${value}": invalid syntax`);
      },
    },
  ],
  run(call) {
    const id = neededId(call);
    call.atMost(1);
    const { context } = call;
    refuseUnlessManager(context, id);
    const revision = call.text("revision");
    const isNew = context.secrets.get(id)?.created != null;
    context.secrets.delete(id);
    for (let i = context.grants.length - 1; i >= 0; i--)
      if (context.grants[i]?.secret === id) context.grants.splice(i, 1);
    if (!isNew) context.secretRemovals.set(id, revision === undefined ? null : Number(revision));
  },
};

export const SECRET_WRITE_TOOLS: readonly Tool[] = [secretAdd, secretSet, secretRemove];
