/** For tests: a unit in the middle of a hook, action or exec, where hook commands can be tried. */
import { notes, pg } from "./charms.ts";
import type { Hook } from "./world.ts";
import { World } from "./world.ts";

/** Two units of notes (0 leads) and two of pg, related (relation 2), everything at rest. */
export function related(): World {
  const world = new World({ uuid: "9c1f3e00-0000-4000-8000-000000000001" });
  const { model, now } = world;
  model.deploy({ charm: notes, units: 2, config: {}, resources: { image: "/host/image" }, now });
  model.deploy({ charm: pg, units: 2, config: {}, resources: {}, now });
  world.boot();
  model.integrate("notes", "pg", now);
  world.settle();
  return world;
}

/** A script under way on the unit: no relation of its own, commits what it wrote. */
export function inExec(world: World, unit: string): Hook {
  world.model.enqueueCommand(unit, "true", {}, world.now);
  return inNext(world, unit);
}

export function inNext(world: World, unit: string): Hook {
  const operation = world.next(unit);
  if (operation === null) throw new Error(`${unit} has nothing to do`);
  return world.begin(unit, operation);
}

/** `db-relation-changed` on notes/0, for pg/0 (`unit`) or for pg's own bag (`app`). */
export function inChanged(world: World, kind: "unit" | "app"): Hook {
  const writer = inExec(world, "pg/0");
  writer.tool("relation-set", "-r", "2", ...(kind === "app" ? ["--app"] : []), `marked=${world.now}`);
  world.finish(writer, { exit: 0, stdout: "", stderr: "" });
  return inNext(world, "notes/0");
}

export function inAction(world: World, unit: string, action: string, params: Record<string, unknown>): Hook {
  world.model.enqueueAction([unit], action, params, world.now);
  return inNext(world, unit);
}

export type Row = readonly [words: string, code: number, stdout: string, stderr: string];

/** Splits at spaces; `''` is an empty word, `␣` a space within one. */
export function words(line: string): string[] {
  return line.split(" ").map((word) => (word === "''" ? "" : word.replaceAll("␣", " ")));
}

export function ok(line: string, stdout = ""): Row {
  return [line, 0, stdout, ""];
}

/** Bad command line. */
export function usage(line: string, message: string): Row {
  return [line, 2, "", `ERROR ${message}\n`];
}

/** Failed while running. */
export function fails(line: string, message: string): Row {
  return [line, 1, "", `ERROR ${message}\n`];
}

/** Runs the rows one after the other in one hook. */
export function check(hook: Hook, rows: readonly Row[]): { got: Row[]; wanted: Row[] } {
  const got = rows.map(([line]): Row => {
    const { code, stdout, stderr } = hook.try(words(line));
    return [line, code, stdout, stderr];
  });
  return { got, wanted: [...rows] };
}

/** One unit of notes, its agent about to begin. */
export function alone(options: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ uuid: "9c1f3e00-0000-4000-8000-000000000001", ...options });
  world.model.deploy({ charm: notes, units: 1, config: {}, resources: {}, now: world.now });
  world.boot();
  return world;
}
