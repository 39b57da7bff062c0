/** What almost every command begins with: which model is meant, and a way to ask it. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { UserError } from "../errors.ts";
import { currentModelFile, modelPaths, modelsDirectory, type ModelPaths } from "../model/supervisor/paths.ts";

export const MODEL_OPTION = {
  model: { type: "string", alias: "m", description: "Model to work on", valueHint: "MODEL" },
} as const;

/** @throws UserError unless root runs us: units are namespaces and mounts. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new UserError("concourse-machine needs root", "Run it with sudo");
}

export function modelNames(): string[] {
  try {
    const entries = readdirSync(modelsDirectory(), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The model chosen with `switch`, else the only one there is; null if that decides nothing. */
export function currentModel(): string | null {
  const names = modelNames();
  const chosen = existsSync(currentModelFile()) ? readFileSync(currentModelFile(), "utf8").trim() : "";
  if (names.includes(chosen)) return chosen;
  return names.length === 1 ? (names[0] ?? null) : null;
}

/** A name that is fit for a directory and for Juju. */
export function checkModelName(name: string): string {
  if (/^[a-z0-9]+(?:[a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= 40) return name;
  throw new UserError(`"${name}" is not a valid model name`, "Use up to 40 lower-case letters, digits and hyphens");
}

/** @throws UserError if no model is meant or there is none of that name. */
export function chosenModel(option: string | undefined): ModelPaths {
  requireRoot();
  const name = option ?? currentModel();
  if (name === null) {
    const next =
      modelNames().length === 0
        ? "Make one with: concourse-machine up"
        : "Name it with -m MODEL, or choose with: concourse-machine switch MODEL";
    throw new UserError("no model is chosen", next);
  }
  if (!modelNames().includes(checkModelName(name))) {
    throw new UserError(`model "${name}" not found`, "List the models with: concourse-machine models");
  }
  return modelPaths(name);
}

/** One request to the chosen model. `T` is what the verb of that name gives. */
export async function askModel<T>(
  option: string | undefined,
  verb: string,
  params: unknown,
  onEvent?: (event: unknown) => void,
  signal?: AbortSignal,
): Promise<T> {
  const paths = chosenModel(option);
  const { ask } = await import("../model/supervisor/launch.ts");
  return (await ask(paths, verb, params, onEvent, signal)) as T;
}

export function print(text: string): void {
  process.stdout.write(text);
}

/** Messages to the person, apart from data: Juju's client writes them to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Aborted by Ctrl-C; the second one ends the process at once. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  process.once("SIGTERM", () => controller.abort());
  return controller.signal;
}
