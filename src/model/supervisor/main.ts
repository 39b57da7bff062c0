/**
 * Entry of the supervisor process: `main.ts <model> <network as JSON>`, with the host's network open as descriptor 3.
 * Tells whoever started it when it answers requests.
 */

import type { Network } from "../../machines/machine.ts";
import { machineKind } from "../../machines/index.ts";
import { modelPaths } from "./paths.ts";
import { readRecord } from "./record.ts";
import { Supervisor } from "./supervisor.ts";

const HOST_NETWORK = 3;

const [name = "", network = ""] = process.argv.slice(2);
const paths = modelPaths(name);
const supervisor = new Supervisor({
  paths,
  network: JSON.parse(network) as Network,
  kind: machineKind(readRecord(paths).machines),
  hostNetwork: HOST_NETWORK,
});

// Whoever started this may be gone, with the terminal: a model outlives the command that made it.
process.on("SIGHUP", () => {});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    supervisor.model.save();
    process.exit(0);
  });
}
if (!(await supervisor.start())) process.exit(0);
process.send?.("ready");
process.disconnect?.();
