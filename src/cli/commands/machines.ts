import { createInterface } from "node:readline/promises";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { machineKind, machineKinds } from "../../machines/index.ts";
import type { Step } from "../../machines/machine.ts";
import { actFrom, exactly } from "../arguments.ts";
import { MACHINES_OPTIONS } from "../machines-option.ts";
import { requireRoot, say } from "../session.ts";

const ACTS = ["prepare", "clean"];

export default defineCommand({
  meta: {
    name: "machines",
    description: "Make this host ready for a kind of machines, or take that back; says first what it will do",
  },
  args: {
    act: { type: "positional", description: ACTS.join("|"), required: false },
    machines: { ...MACHINES_OPTIONS.machines, description: `One of ${machineKinds.join(", ")}` },
    image: MACHINES_OPTIONS.image,
    yes: { type: "boolean", alias: "y", description: "Do it without asking" },
  },
  async run({ args }) {
    const act = actFrom(args._[0], ACTS);
    exactly(args._, ["act"]);
    requireRoot();
    if (args.machines === undefined)
      throw new UserError("no kind of machines specified", `Add --machines ${machineKinds[0]}`);
    const kind = machineKind(args.machines);
    const steps = act === "prepare" ? await kind.prepare(args.image) : await kind.clean();
    if (steps.length > 0) await carryOut(steps, args.yes === true);
    const [missing] = act === "prepare" ? await kind.missing() : [];
    if (missing !== undefined) throw new UserError(missing);
    if (steps.length === 0) say(act === "prepare" ? "Everything is there." : "Nothing of ours is there.");
  },
});

async function carryOut(steps: readonly Step[], yes: boolean): Promise<void> {
  say("This will be done on this host:");
  for (const { what } of steps) say(`  - ${what}`);
  if (!yes) await ask();
  for (const { what, run } of steps) {
    const began = Date.now();
    await run();
    say(`${what}: done in ${((Date.now() - began) / 1000).toFixed(0)} s`);
  }
}

/** @throws UserError unless the answer is yes. */
async function ask(): Promise<void> {
  if (process.stdin.isTTY !== true) throw new UserError("Nothing was done: nobody is there to agree", "Add --yes");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question("Go on? [y/N] ");
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("Nothing was done");
}
