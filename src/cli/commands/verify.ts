import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defineCommand } from "citty";
import { presentKind } from "../../machines/index.ts";
import { reportOf } from "../../report/compose.ts";
import { html } from "../../report/html.ts";
import { markdown } from "../../report/markdown.ts";
import { replay } from "../../report/scenario.ts";
import { summary } from "../../report/summary.ts";
import { timelinePicture } from "../../report/timeline.ts";
import { beside, holds, type Report } from "../../report/types.ts";
import { all, count, exactly } from "../arguments.ts";
import { JujuEngine } from "../juju-engine.ts";
import { LocalEngine } from "../local-engine.ts";
import { MACHINES_OPTIONS } from "../machines-option.ts";
import { provideHostPackages } from "../provide-host-packages.ts";
import type { ReleaseChoice } from "../release-source.ts";
import { ExitError } from "../report.ts";
import { interrupted, print, requireRoot, say } from "../session.ts";
import { refuseForeign, type EngineKind, type VerifyEngine } from "../verify-engine.ts";

/** 128 + SIGINT, as shells report it. */
const INTERRUPTED = 130;

export default defineCommand({
  meta: {
    name: "verify",
    description: "Replay the deployment on shared storage in a model of its own, check every claim, write a report",
  },
  args: {
    engine: {
      type: "enum",
      options: ["local", "juju"],
      description: "What runs the model: this tool, or the current controller of Juju on LXD of this host",
      default: "local",
    },
    units: { type: "string", description: "Units of Concourse in the end", default: "4", valueHint: "N" },
    ...MACHINES_OPTIONS,
    release: {
      type: "enum",
      options: ["stand-in", "auto", "github"],
      description: "Where the release comes from",
      default: "stand-in",
    },
    "release-file": {
      type: "string",
      description: "Archive to serve in place of the stand-in, named as upstream names it",
      valueHint: "FILE",
    },
    charm: { type: "string", description: "Charm file (default: packed from this clone)", valueHint: "FILE" },
    postgresql: {
      type: "string",
      description: "With --engine juju: charm file of PostgreSQL in place of Charmhub's postgresql 16/stable",
      valueHint: "FILE",
    },
    strict: { type: "boolean", description: "Fail also if a figure misses its aim" },
    "report-dir": { type: "string", description: "Where the reports go", default: "reports", valueHint: "DIR" },
    json: { type: "boolean", description: "Print the report's data as JSON" },
    keep: { type: "boolean", description: "Leave the model running" },
  },
  async run({ args, data }) {
    exactly(args._, []);
    requireRoot();
    const kind = args.engine as EngineKind;
    refuseForeign(kind, (option) => all(data, option).length > 0);
    const units = count(args.units, "--units", 2);
    const model = `verify-${randomBytes(3).toString("hex")}`;
    if (kind === "local") await provideHostPackages();
    const signal = interrupted();
    const { charm, "release-file": releaseFile } = args;
    const common = { model, release: args.release as ReleaseChoice, releaseFile, charm };
    const engine: VerifyEngine =
      kind === "juju"
        ? new JujuEngine({ ...common, postgresql: args.postgresql })
        : new LocalEngine({
            ...common,
            machines: args.machines ?? (await presentKind()).name,
            image: args.image,
            agentVersion: args["agent-version"],
          });
    let report: Report;
    try {
      report = reportOf(await replay(engine, { units, patience: engine.patience, signal, say }));
    } catch (error) {
      throw signal.aborted ? new ExitError(INTERRUPTED, "interrupted: nothing was verified") : error;
    } finally {
      if (args.keep !== true) await engine.remove();
      else {
        const removal = await engine.leave();
        if (removal !== "") say(`Model "${model}" goes on. Remove it with: ${removal}`);
      }
    }
    const files = await writeReport(resolve(args["report-dir"]), report);
    if (args.json === true) print(`${JSON.stringify({ holds: holds(report), ...report })}\n`);
    else print(`${summary(report)}\n${files.map((file) => `${file}\n`).join("")}`);
    if (!holds(report)) throw new ExitError(1, `not every check holds; see ${files[0]}`);
    const [missed, ...more] = beside(report);
    if (args.strict === true && missed)
      throw new ExitError(
        1,
        `${missed.name}: ${missed.value} (${missed.limit})${more.length > 0 ? ` and ${more.length} more` : ""}; see ${files[0]}`,
      );
  },
});

/** Returns the files' paths. */
async function writeReport(directory: string, report: Report): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const files = { "report.md": markdown(report), "report.html": html(report), "timeline.svg": timelinePicture(report) };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return Object.keys(files).map((name) => join(directory, name));
}
