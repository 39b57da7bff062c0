/** `concourse-machine`: Juju's verbs for a model on this one machine. Each command is loaded only when it is called. */

import { COMMANDS } from "./commands.ts";
import { execute } from "./execute.ts";
import { overview } from "./overview.ts";
import { exitCodeFor, report } from "./report.ts";

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const [name = "help", ...rest] = process.argv.slice(2);

if (name === "help" || name === "--help" || name === "-h") {
  process.stdout.write(overview(COMMANDS));
} else {
  try {
    await execute(COMMANDS, name, rest);
  } catch (error) {
    report(error);
    process.exitCode = exitCodeFor(error);
  }
}
