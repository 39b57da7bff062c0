/** Options as `--config`, `--file` and `config` take them: `key=value`, `key=@file`, or a YAML file. */

import { readFile } from "node:fs/promises";
import { UserError } from "../errors.ts";

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** Options below the application's name, or, if the name is not known yet, below the only key. */
async function fromYaml(file: string, application: string | null): Promise<Record<string, string>> {
  const { parse } = await import("yaml");
  const document = parse(await textOf(file)) as Record<string, unknown> | null;
  const keys = Object.keys(document ?? {});
  const section = document?.[application ?? keys[0] ?? ""];
  if (typeof section !== "object" || section === null) {
    throw new UserError(
      `no settings for application "${application ?? ""}" in ${file}`,
      "Put them below the application's name",
    );
  }
  return Object.fromEntries(Object.entries(section).map(([key, value]) => [key, String(value)]));
}

/** @throws UserError for a file that is not there or holds nothing for the application. */
export async function configFrom(
  words: readonly string[],
  application: string | null,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) {
      Object.assign(values, await fromYaml(word, application));
      continue;
    }
    const value = word.slice(at + 1);
    values[word.slice(0, at)] = value.startsWith("@") ? await textOf(value.slice(1)) : value;
  }
  return values;
}
