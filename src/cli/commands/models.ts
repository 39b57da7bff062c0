import { defineCommand } from "citty";
import { layOut } from "../../model/status/table.ts";
import { answers } from "../../model/supervisor/launch.ts";
import { modelPaths } from "../../model/supervisor/paths.ts";
import { readRecord } from "../../model/supervisor/record.ts";
import { exactly } from "../arguments.ts";
import { printDocument } from "../documents.ts";
import { currentModel, modelNames, print, requireRoot, say } from "../session.ts";

interface Row {
  readonly name: string;
  readonly current: boolean;
  readonly machines: string;
  readonly units: number;
  readonly supervisor: "running" | "stopped" | "damaged";
}

async function rowOf(name: string): Promise<Row> {
  const current = name === currentModel();
  try {
    const record = readRecord(modelPaths(name));
    const state = record.state as { units?: Record<string, unknown> } | null;
    const supervisor = (await answers(modelPaths(name))) ? "running" : "stopped";
    return { name, current, machines: record.machines, units: Object.keys(state?.units ?? {}).length, supervisor };
  } catch {
    return { name, current, machines: "", units: 0, supervisor: "damaged" };
  }
}

export default defineCommand({
  meta: { name: "models", description: "List the models of this host" },
  args: { format: { type: "enum", options: ["tabular", "json", "yaml"], description: "Form", default: "tabular" } },
  async run({ args }) {
    requireRoot();
    exactly(args._, []);
    const rows = await Promise.all(modelNames().map(rowOf));
    if (args.format !== "tabular") return printDocument({ models: rows }, args.format);
    if (rows.length === 0) return say("There are no models. Make one with: concourse-machine up");
    const table = {
      headers: ["Model", "Machines", "Units", "Supervisor"],
      right: [2],
      rows: rows.map((row) => [
        { text: row.current ? `${row.name}*` : row.name },
        { text: row.machines },
        { text: String(row.units) },
        { text: row.supervisor },
      ]),
    };
    print(
      layOut(table, false)
        .map((line) => `${line}\n`)
        .join(""),
    );
  },
});
