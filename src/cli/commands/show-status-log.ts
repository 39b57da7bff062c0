import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import type { HistoryEntry } from "../../model/supervisor/status-history.ts";
import { layOut } from "../../model/status/table.ts";
import { dateAndTime } from "../../model/status/text.ts";
import { count, exactly } from "../arguments.ts";
import { printDocument } from "../documents.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

/** `--type` as Juju has it, for entities of a local model (Juju 3.6, core/status/statushistory.go). */
const TYPES = ["unit", "workload", "juju-unit", "application", "machine", "juju-machine"];
const UNIT = /^[a-z][a-z0-9-]*\/\d+$/;
const MACHINE = /^\d+$/;

/** @throws UserError in Juju's words if the name is none of that type. */
function checkName(entity: string, type: string): void {
  const pattern = type.endsWith("machine") ? MACHINE : type === "application" ? /^[a-z][a-z0-9-]*$/ : UNIT;
  if (!pattern.test(entity)) throw new UserError(`"${entity}" is not a valid name for a ${type}`);
}

export default defineCommand({
  meta: { name: "show-status-log", description: "Show what a unit, machine or application has shown in status" },
  args: {
    entity: { type: "positional", description: "app/0, 0 or app", required: false },
    type: { type: "enum", options: TYPES, description: "Which of its statuses", default: "unit" },
    n: { type: "string", description: "Number of entries, newest last (default 20)", valueHint: "N" },
    format: { type: "enum", options: ["tabular", "json", "yaml"], description: "Form", default: "tabular" },
    utc: { type: "boolean", description: "Show times in UTC" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [entity = ""] = exactly(args._, ["entity name"]);
    checkName(entity, args.type);
    const params = { entity, kind: args.type, last: count(args.n ?? "20", "-n", 1) };
    const entries = await askModel<HistoryEntry[]>(args.model, "status-history", params);
    if (args.format !== "tabular") return printDocument(entries.map(detailed), args.format);
    print(tabular(entries, args.utc === true));
  },
});

/** Juju's JSON and YAML carry the full time, to the fraction of a second. */
function detailed({ status, message, since, kind }: HistoryEntry): object {
  const time = new Date(since).toISOString();
  return { status, ...(message === "" ? {} : { message }), since: time, type: kind };
}

function tabular(entries: readonly HistoryEntry[], utc: boolean): string {
  const rows = entries.map(({ since, kind, status, message }) => [
    { text: dateAndTime(since, utc) },
    { text: kind },
    { text: status },
    { text: message },
  ]);
  return layOut({ headers: ["Time", "Type", "Status", "Message"], rows }, false)
    .map((line) => `${line}\n`)
    .join("");
}
