/** `concourse`: the stand-in's command line (concourse/concourse, cmd/concourse/main.go). */

import { writeFileSync } from "node:fs";
import { generateKey } from "./generate-key.ts";
import { messageOf } from "./log.ts";
import { Failure } from "./failure.ts";
import { migrate } from "./migrate.ts";
import { VERSION } from "./version.ts";
import { runWeb } from "./web/web.ts";
import { drainWorker } from "./worker/drain.ts";
import { runWorker } from "./worker/worker.ts";

/** Resolves when the command is done: exit status 0. */
type Command = (args: readonly string[]) => Promise<void>;

const COMMANDS: Readonly<Record<string, Command>> = {
  "generate-key": generateKey,
  "land-worker": (args) => drainWorker("land-worker", args),
  migrate,
  "retire-worker": (args) => drainWorker("retire-worker", args),
  web: runWeb,
  worker: runWorker,
};

const CHOICE = `Please specify one command of: ${Object.keys(COMMANDS).slice(0, -1).join(", ")} or worker`;

async function main(args: readonly string[]): Promise<void> {
  const [word, ...rest] = args;
  if (word === "--version" || word === "-v") {
    console.log(VERSION);
    return;
  }
  if (args.includes("--help") || args.includes("-h")) {
    console.log(`Usage:\n  concourse [OPTIONS] <command>\n\nCommands: ${Object.keys(COMMANDS).join(", ")}`);
    return;
  }
  if (word === undefined) throw new Failure(CHOICE);
  const command = COMMANDS[word];
  if (command === undefined) throw new Failure(`Unknown command \`${word}'. ${CHOICE}`);
  await command(rest);
}

// Node calls its main thread "MainThread"; ps and top should show the program.
writeFileSync("/proc/self/comm", "concourse");
void main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`error: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
