import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  AGENT_DIRECTORY,
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  WORKER_KEY_FILE,
} from "../../../src/agent/contract.ts";
import { MEMORY } from "../../../src/charm/machine.ts";
import { plan } from "../../../src/charm/plan.ts";
import { CURRENT_RELEASE } from "../../../src/concourse/services.ts";
import { CONFIG_DIRECTORY, FILES } from "../../../src/concourse/settings.ts";
import { change, worker } from "./facts.ts";

/** Everything that hooks and the agent write on a machine, but for units of systemd and the store. */
const { program, ...notes } = MEMORY;
const WRITTEN = [
  ...Object.values(FILES),
  WORKER_KEY_FILE,
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  ...Object.values(notes),
  join(program, "main.mjs"),
  CURRENT_RELEASE,
];

test("a unit that stops leaves no key, no secret and no note on its machine but that it has stopped", () => {
  const home = mkdtempSync(join(tmpdir(), "leave-"));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const files = Object.fromEntries(Object.values(FILES).map((path) => [path, "x"]));
  const facts = change(worker, { local: { stopped: true, files } });
  const steps = plan(facts).filter((step) => step.do !== "service" && step.do !== "reload-units");
  expect(steps.at(-1)).toEqual({ do: "clear-machine" });
  writeFileSync(join(home, "left.json"), JSON.stringify({ steps, facts, written: WRITTEN }));
  writeFileSync(
    join(home, "leave.ts"),
    `import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { apply } from ${JSON.stringify(join(process.cwd(), "src/charm/apply.ts"))};
const { steps, facts, written } = JSON.parse(readFileSync(${JSON.stringify(join(home, "left.json"))}, "utf8"));
for (const path of written) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "x");
}
for (const step of steps) await apply(step, facts);
`,
  );
  const masked = ["/etc", "/opt", "/var/lib"].map((path) => `mount -t tmpfs none ${path}`).join(" && ");
  const left = `find ${CONFIG_DIRECTORY} ${AGENT_DIRECTORY} /opt ! -type d`;
  const script = `${masked} && '${process.execPath}' '${home}/leave.ts' && ${left}`;
  const namespace = ["--mount", "--propagation", "private", "sh", "-c", script];
  expect(execFileSync("unshare", namespace, { encoding: "utf8" }).trim().split("\n")).toEqual([MEMORY.stopped]);
});
