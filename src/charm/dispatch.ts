import { mkdir } from "node:fs/promises";
import { spawn } from "node:child_process";
import { AGENT_DIRECTORY } from "../agent/contract.ts";
import { readEnvironment, type HookEnvironment } from "../juju/environment.ts";
import { HookTools, type CommandResult } from "../juju/hook-tools.ts";
import { apply } from "./apply.ts";
import { MEMORY, readMachine } from "./machine.ts";
import { reconcile } from "./reconcile.ts";
import { writeFile } from "./write-file.ts";

/**
 * One reconcile for every event. None means anything of its own, except `stop` and `remove`, which leave a mark first,
 * and actions.
 *
 * @param program path of the bundled program
 * @throws Error that ends the hook with a failure, which Juju shows and tries again
 */
export async function dispatch(program: string): Promise<void> {
  const environment = readEnvironment(process.env);
  const tools = new HookTools(runCommand, environment.endedRelation);
  if (environment.event.kind === "action") {
    const { runAction } = await import("./actions.ts");
    return runAction(environment.event.name, environment, tools, program);
  }
  if (environment.event.name === "stop" || environment.event.name === "remove") await markStopped(environment);
  await reconcile(environment, tools, { read: (webPort) => readMachine(environment, program, webPort), apply });
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
