/** The agent of a unit that a plug-in plays: it has no hooks, but takes actions and its leave. */

import type { Ending, RunPlace, StateRun } from "../state/model.ts";
import type { LiveModel } from "./live-model.ts";

export type ActionHandler = (
  name: string,
  params: Readonly<Record<string, unknown>>,
) => Promise<Readonly<Record<string, string>>>;

/** There is no machine to run anything in. */
const NOWHERE: RunPlace = {
  charmDirectory: "/",
  toolsDirectory: "/",
  apiAddresses: [],
  socket: { address: "", network: "unix" },
  base: "",
  resourcePath: (resource) => {
    throw new Error(`no resource ${resource}`);
  },
};

/** Begins whatever the unit can do now. `action` runs one of the plug-in's own; its error is the action's failure. */
export function pumpPlayed(model: LiveModel, unit: string, action: ActionHandler): void {
  for (;;) {
    const operation = model.state.nextOperation(unit, model.now());
    if (operation === null) return;
    const run = model.state.begin(unit, operation, NOWHERE, model.now());
    void perform(model, run, action).then((ending) => {
      model.state.finish(run, ending, model.now());
      model.changed();
    });
  }
}

async function perform(model: LiveModel, run: StateRun, action: ActionHandler): Promise<Ending> {
  const { operation } = run;
  if (operation.kind === "exec") return { exit: 1, stdout: "", stderr: `${run.unit} is played by the model\n` };
  if (operation.kind !== "action") return { exit: 0, stdout: "", stderr: "" };
  const tool = (command: string, args: readonly string[]): void => {
    run.tool({ command, args, cwd: "/", stdin: null }, model.now(), () => "");
  };
  try {
    const results = await action(operation.name, model.state.task(operation.task).params);
    tool(
      "action-set",
      Object.entries(results).map(([key, value]) => `${key}=${value}`),
    );
  } catch (error) {
    tool("action-fail", ["--", (error as Error).message]);
  }
  return { exit: 0, stdout: "", stderr: "" };
}
