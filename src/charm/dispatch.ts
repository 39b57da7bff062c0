import { mkdir } from "node:fs/promises";
import { spawn } from "node:child_process";
import { AGENT_DIRECTORY, NEW_CLUSTER_SECRET_FILE } from "../agent/contract.ts";
import { readEnvironment, type HookEnvironment } from "../juju/environment.ts";
import { HookTools, type CommandResult } from "../juju/hook-tools.ts";
import { apply, writeFile } from "./apply.ts";
import type { Facts } from "./facts.ts";
import { MEMORY, readMachine } from "./machine.ts";
import { plan, planOrders } from "./plan.ts";
import { publication, publish } from "./publish.ts";
import { readFacts } from "./read.ts";
import { status } from "./status.ts";
import { rm } from "node:fs/promises";

/**
 * One reconcile for every event: facts → plan → apply → tell. No event means anything of its own, except `stop` and
 * `remove`, which leave a mark first, and actions.
 *
 * @param program path of the bundled program
 * @throws Error that ends the hook with a failure, which Juju shows and tries again
 */
export async function dispatch(program: string): Promise<void> {
  const environment = readEnvironment(process.env);
  const tools = new HookTools(runCommand);
  if (environment.event.kind === "action") {
    const { runAction } = await import("./actions.ts");
    return runAction(environment.event.name, environment, tools, program);
  }
  if (environment.event.name === "stop" || environment.event.name === "remove") await markStopped(environment);
  await reconcile(environment, tools, program);
}

export async function reconcile(environment: HookEnvironment, tools: HookTools, program: string): Promise<Facts> {
  const local = (webPort: number): ReturnType<typeof readMachine> => readMachine(environment, program, webPort);
  let facts = await readFacts(environment, tools, local);
  const steps = plan(facts);
  for (const step of steps) await apply(step, facts);
  if (steps.length > 0) facts = { ...facts, local: await local(facts.options.webPort) };
  await publish(publication(facts, status(facts)), tools);
  // Last, since they acknowledge what the agent said: a hook that fails before has not heard it.
  for (const step of planOrders(facts)) await apply(step, facts);
  // Once Juju has the secret, the file it was made from is one copy too many.
  if (facts.secret.exists && facts.local.agent?.clusterSecretReady) await rm(NEW_CLUSTER_SECRET_FILE, { force: true });
  return facts;
}

async function markStopped({ modelUuid, unit }: HookEnvironment): Promise<void> {
  await mkdir(AGENT_DIRECTORY, { recursive: true, mode: 0o700 });
  await writeFile(MEMORY.stopped, `${modelUuid} ${unit}`, 0o600);
}

function runCommand(argv: readonly string[], stdin?: string): Promise<CommandResult> {
  const [command = "", ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, { stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A command that fails before it reads its input closes the pipe: its exit code tells.
    child.stdin?.on("error", () => {}).end(stdin);
  });
}
