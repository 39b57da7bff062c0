/** secret-grant, secret-revoke. Juju 3.6: uniter/runner/jujuc/secret-{grant,revoke}.go. */
import type { HookContext } from "../agent/context.ts";
import { applicationOf, isApplicationName, isUnitName } from "../names.ts";
import { parseSecretUri } from "../secrets.ts";
import { type FlagSpec, UsageError } from "./flags.ts";
import { neededRelation, RELATION_FLAG, relationOf } from "./relation-flag.ts";
import { ownedSecret } from "./secret-rules.ts";
import { type Tool, type ToolCall, ToolError } from "./tool.ts";

const UNIT: FlagSpec = { names: ["unit"], kind: "text", help: "the unit to grant access or revoke it from" };

function neededId(call: ToolCall): string {
  const [uri] = call.args;
  if (uri === undefined) throw new UsageError("missing secret URI");
  const id = parseSecretUri(uri);
  if (id === undefined) throw new UsageError(`secret URI "${uri}" not valid`);
  return id;
}

function refuseUnlessOwned(context: HookContext, id: string): void {
  const created = context.secrets.get(id)?.created != null;
  if (!created && ownedSecret(context, id) === undefined) throw new ToolError(`secret "${id}" not found`);
}

function givenUnit(call: ToolCall): string | undefined {
  const unit = call.text("unit");
  if (unit !== undefined && !isUnitName(unit)) throw new UsageError(`unit "${unit}" not valid`);
  return unit;
}

const secretGrant: Tool = {
  name: "secret-grant",
  usage: "<ID>",
  purpose: "Grant access to a secret.",
  flags: [RELATION_FLAG, UNIT],
  run(call) {
    const id = neededId(call);
    const { context } = call;
    const relation = neededRelation(call);
    const application = context.remoteApplicationOf(relation);
    const unit = givenUnit(call);
    if (unit !== undefined && applicationOf(unit) !== application) {
      throw new UsageError(`cannot specify unit "${unit}" in relation to application "${application}"`);
    }
    call.atMost(1);
    refuseUnlessOwned(context, id);
    if (unit === undefined) refuseBesideUnits(context, id, application);
    const name = unit ?? application;
    const kind = unit === undefined ? "application" : "unit";
    if (!grantsOf(context, id).includes(name))
      context.grants.push({ secret: id, kind, name, relation: relation.row.id });
  },
};

/** Who may read it once this hook is committed. */
function grantsOf(context: HookContext, id: string): string[] {
  const revoked = context.revokes.filter((revoke) => revoke.secret === id).map((revoke) => revoke.name);
  const stored = (context.core.data.secrets[id]?.grants ?? []).map((grant) => grant.name);
  const pending = context.grants.filter((grant) => grant.secret === id).map((grant) => grant.name);
  return [...stored.filter((name) => !revoked.includes(name)), ...pending];
}

function refuseBesideUnits(context: HookContext, id: string, application: string): void {
  if (!grantsOf(context, id).some((name) => name.startsWith(`${application}/`))) return;
  throw new ToolError(
    "any unit level grants need to be revoked before granting access to the corresponding application",
  );
}

const secretRevoke: Tool = {
  name: "secret-revoke",
  usage: "<ID>",
  purpose: "Revoke access to a secret.",
  flags: [
    RELATION_FLAG,
    { names: ["application", "app"], kind: "text", help: "the application to revoke access" },
    UNIT,
  ],
  run(call) {
    const id = neededId(call);
    const name = revokedName(call);
    call.atMost(1);
    const { context } = call;
    refuseUnlessOwned(context, id);
    for (let i = context.grants.length - 1; i >= 0; i--) {
      const grant = context.grants[i];
      if (grant?.secret === id && grant.name === name) context.grants.splice(i, 1);
    }
    context.revokes.push({ secret: id, name });
  },
};

function revokedName(call: ToolCall): string {
  const relation = relationOf(call);
  const application = call.text("application");
  const unit = givenUnit(call);
  if (application !== undefined && unit !== undefined) throw new UsageError("specify only one of application or unit");
  if (application !== undefined && relation !== undefined) throw new UsageError("do not specify both relation and app");
  if (application !== undefined && !isApplicationName(application))
    throw new UsageError(`application "${application}" not valid`);
  const name = unit ?? application ?? (relation === undefined ? undefined : call.context.remoteApplicationOf(relation));
  if (name === undefined) throw new UsageError("missing relation or application or unit");
  return name;
}

export const SECRET_GRANT_TOOLS: readonly Tool[] = [secretGrant, secretRevoke];
