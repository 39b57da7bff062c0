/** What Juju's client has in common for removing units and applications (3.6, cmd/juju/application/removeunit.go). */

import { UserError } from "../errors.ts";
import { ExitError, report } from "./report.ts";
import { askModel, MODEL_OPTION, print, say } from "./session.ts";

export const REMOVAL_OPTIONS = {
  force: {
    type: "boolean",
    description: "Remove also what errors or a machine that is down hold up: without hooks after 60 s",
  },
  wait: {
    type: "boolean",
    description: "Give each step of --force its time",
    negativeDescription: "With --force: do not wait for any step",
    default: true,
  },
  "dry-run": { type: "boolean", description: "Only print what would be removed" },
  "destroy-storage": {
    type: "boolean",
    description: "As Juju's option: storage lies on the unit's machine here, and always goes with it",
  },
  prompt: { type: "boolean", description: "As Juju's option: nothing is asked here", default: true },
  ...MODEL_OPTION,
} as const;

export interface RemovalArgs {
  readonly model?: string | undefined;
  readonly force?: boolean | undefined;
  readonly wait?: boolean | undefined;
  readonly "dry-run"?: boolean | undefined;
}

/** @throws UserError for `--no-wait` without `--force`. */
export function checkRemoval(args: RemovalArgs): void {
  if (args.wait === false && args.force !== true) throw new UserError("--no-wait without --force not valid");
}

/**
 * Asks for each name by itself, as the controller does: one that cannot be removed does not keep the others.
 * `paramsOf`: what the verb takes beside the flags. @throws ExitError with 2 if any was refused, after saying so.
 */
export async function removeEach(
  verb: "remove-unit" | "remove-application",
  names: readonly string[],
  args: RemovalArgs,
  paramsOf: (name: string) => object,
): Promise<void> {
  const dryRun = args["dry-run"] === true;
  const flags = { force: args.force === true, noWait: args.wait === false, dryRun };
  const lines: string[] = [];
  let refused = false;
  for (const name of names) {
    try {
      lines.push(...(await askModel<string[]>(args.model, verb, { ...paramsOf(name), ...flags })));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      report(error);
      refused = true;
    }
  }
  if (dryRun && lines.length > 0) say("WARNING This command will perform the following actions:");
  print(lines.map((line) => `${line}\n`).join(""));
  if (refused) throw new ExitError(2);
}
