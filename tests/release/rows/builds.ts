/** What builds need: steps with artefacts between them, one-off builds with an input, a look into a container. */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { holds, type Row } from "../row.ts";
import { seconds, type World } from "../world.ts";
import type { Fly } from "../fly.ts";

/** The release's own `mock` type is an image to run tasks in, so that no registry is needed. */
export const IMAGE = { type: "mock", source: { mirror_self: true } };

/** A step that runs these shell lines. */
export const task = (name: string, script: string, more: object = {}): object => ({
  task: name,
  config: { platform: "linux", image_resource: IMAGE, run: { path: "sh", args: ["-ec", script] }, ...more },
});

/** Sets the pipeline and lets it run. JSON is YAML too. */
export async function setPipeline(world: World, fly: Fly, name: string, config: object): Promise<void> {
  const file = join(world.concourse.tool.directory, `${name}.yml`);
  await writeFile(file, JSON.stringify(config));
  await fly.ok("set-pipeline", "--non-interactive", "-p", name, "-c", file);
  await fly.ok("unpause-pipeline", "-p", name);
}

const WORD = "an artefact from step to step";

const PIPELINE = {
  resources: [
    { name: "every", type: "time", check_every: "never", source: { interval: "1h" } },
    { name: "thing", type: "mock", check_every: "never", source: { initial_version: "one" } },
  ],
  jobs: [
    {
      name: "whole",
      plan: [
        { get: "every" },
        { get: "thing", params: { create_files_via_params: { word: WORD } } },
        task("make", "cp thing/word made/word; cat thing/version >made/version", {
          inputs: [{ name: "thing" }],
          outputs: [{ name: "made" }],
        }),
        task("look", `grep -x "${WORD}" made/word; echo two >made/version`, {
          inputs: [{ name: "made" }],
          outputs: [{ name: "made" }],
        }),
        { put: "thing", params: { file: "made/version" }, no_get: false },
      ],
    },
  ],
};

export const pipeline: Row = {
  id: "pipeline",
  name: "A pipeline gets (`time`, `mock`), runs tasks that hand an artefact on, and puts",
  builds: true,
  async run(world) {
    const fly = await world.fly();
    await setPipeline(world, fly, "whole", PIPELINE);
    for (const resource of ["every", "thing"]) await fly.ok("check-resource", "-r", `whole/${resource}`);
    const began = performance.now();
    await fly.ok("trigger-job", "-j", "whole/whole", "--watch");
    const versions = await fly.ok("resource-versions", "-r", "whole/thing");
    holds(/version:two/.test(versions), `what was put is no version: ${versions}`);
    return `succeeded in ${seconds(began)} s`;
  },
};

export const execute: Row = {
  id: "execute",
  name: "`fly execute` sends an input, runs a task on it, and brings its output back",
  builds: true,
  async run(world) {
    const fly = await world.fly();
    const directory = world.concourse.tool.directory;
    await mkdir(join(directory, "input"), { recursive: true });
    await writeFile(join(directory, "input/word"), WORD);
    const config = {
      platform: "linux",
      image_resource: IMAGE,
      inputs: [{ name: "input" }],
      outputs: [{ name: "output" }],
      run: { path: "sh", args: ["-ec", "tr a-z A-Z <input/word >output/word"] },
    };
    await writeFile(join(directory, "task.yml"), JSON.stringify(config));
    const began = performance.now();
    const words = ["-c", join(directory, "task.yml"), "-i", `input=${join(directory, "input")}`];
    await fly.ok("execute", ...words, "-o", `output=${join(directory, "output")}`);
    const back = await readFile(join(directory, "output/word"), "utf8");
    holds(back === WORD.toUpperCase(), back);
    return `succeeded in ${seconds(began)} s`;
  },
};
