import type { Operation, ToolReply, ToolRequest } from "../../contract.ts";
import type { Core, UnitRow } from "../data.ts";
import { existing, isLeader } from "../rows.ts";
import { settingsHash } from "../settings.ts";
import { runTool } from "../tools/run-tool.ts";
import type { StateRun } from "../types.ts";
import type { HookContext } from "./context.ts";
import { environmentOf } from "./environment.ts";
import { type SeenVersions, versionsFor } from "./relation-hooks.ts";

/** What the agent had seen of the controller when the run began: what its commit marks as handled. */
export interface Seen {
  readonly configHash: string;
  readonly addressHash: string;
  readonly leaderSettings: number;
  readonly leads: boolean;
  readonly ticks: number;
  readonly versions: SeenVersions;
  readonly secretRevision: number;
  readonly charm: { readonly url: string; readonly modified: number };
}

export function whatIsSeen({ data }: Core, unit: UnitRow, operation: Operation): Seen {
  const application = existing(data.applications, unit.application);
  const hook = operation.kind === "hook" ? operation.hook : { name: "" };
  return {
    configHash: settingsHash(application),
    addressHash: existing(data.machines, unit.machine).address,
    leaderSettings: application.leaderSettingsVersion,
    leads: isLeader(data, unit),
    ticks: unit.agent.updateStatus?.ticks ?? 0,
    versions: versionsFor(data, hook),
    secretRevision: data.secrets[hook.secretId ?? ""]?.latest ?? 0,
    charm: { url: application.charm, modified: application.charmModified },
  };
}

/** A hook, action, exec or step of the agent under way. */
export class UnitRun implements StateRun {
  readonly context: HookContext;
  readonly seen: Seen;
  readonly environment: Readonly<Record<string, string>>;
  ended = false;

  constructor(context: HookContext, seen: Seen) {
    this.context = context;
    this.seen = seen;
    this.environment = environmentOf(context);
  }

  get contextId(): string {
    return this.context.contextId;
  }

  get unit(): string {
    return this.context.unit.name;
  }

  get operation(): Operation {
    return this.context.operation;
  }

  get reboot(): "no" | "after" | "now" {
    return this.context.reboot;
  }

  tool(request: ToolRequest, now: number, readFile: (path: string) => string): ToolReply {
    if (this.ended) {
      return { code: 1, stdout: "", stderr: `ERROR bad request: wrong context ID; got "${this.contextId}"\n` };
    }
    return runTool(this.context, request, now, readFile);
  }
}
