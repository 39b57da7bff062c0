/** What several secret commands share. Juju 3.6: uniter/runner/jujuc/secret-*.go, runner/context/context.go. */
import type { HookContext } from "../agent/context.ts";
import { managesSecret } from "../agent/secret-hooks.ts";
import type { SecretRow } from "../data.ts";
import { parseGoDuration } from "../model-config.ts";
import { UsageError } from "./flags.ts";
import { ToolError } from "./tool.ts";

/** RFC 3339, the same without a zone (UTC), or a Go duration from now; in milliseconds since 1970. */
export function parseExpiry(text: string, now: number): number {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$/.test(text)) {
    const time = Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
    if (!Number.isNaN(time)) return time;
  }
  const duration = parseGoDuration(text);
  if (duration === undefined) throw new UsageError(`expire time or duration "${text}" not valid`);
  if (duration < 0) throw new UsageError(`negative expire duration "${text}" not valid`);
  return now + duration;
}

/** The owning application's units may only look. Unknown and foreign secrets fail when the hook commits. */
export function refuseUnlessManager(context: HookContext, id: string): void {
  const secret = context.core.data.secrets[id];
  if (secret === undefined || secret.owner.name !== context.unit.application) return;
  if (!context.leads) throw new ToolError("this unit is not the leader");
}

/** A secret this unit looks after, not removed by this hook. */
export function ownedSecret(context: HookContext, id: string): SecretRow | undefined {
  const secret = context.core.data.secrets[id];
  if (secret === undefined || context.secretRemovals.get(id) === null) return undefined;
  return managesSecret(context.core.data, context.unit, secret) ? secret : undefined;
}
