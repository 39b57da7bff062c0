/** `concourse land-worker` and `concourse retire-worker`. */

import { Log } from "../log.ts";
import { DRAIN_OPTIONS } from "../option-table.ts";
import { readSettings } from "../settings.ts";
import { TsaClient } from "./tsa-client.ts";
import { tsaTarget } from "./worker.ts";

export async function drainWorker(command: "land-worker" | "retire-worker", args: readonly string[]): Promise<void> {
  const settings = readSettings(DRAIN_OPTIONS, args, process.env);
  const client = new TsaClient(tsaTarget(settings), new Log(command, "info"));
  await client.run(command, { name: settings.text("name"), team: settings.text("team") });
}
