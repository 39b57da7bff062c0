/** Options as `--config`, `--file` and `config` take them: `key=value`, `key=@file`, or a YAML file. */

import { readFile } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { parseYaml } from "./documents.ts";

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a directory" : code;
    throw new UserError(`cannot read ${file}: ${why}`, "Give key=value, key=@file or a YAML file");
  }
}

/** Options below the application's name, or, if the name is not known yet, below the only key. */
async function fromYaml(file: string, application: string | null): Promise<Record<string, string>> {
  const document = (await parseYaml(await textOf(file), file)) as Record<string, unknown> | null;
  const name = application ?? Object.keys(document ?? {})[0];
  const section = document?.[name ?? ""];
  if (typeof section !== "object" || section === null) {
    const whose = name === undefined ? "" : ` for application "${name}"`;
    throw new UserError(`no settings${whose} in ${file}`, "Put them below the application's name");
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
    if (at === 0) throw new UserError(`expected "key=value", got "${word}"`);
    if (at < 0) {
      Object.assign(values, await fromYaml(word, application));
      continue;
    }
    const value = word.slice(at + 1);
    values[word.slice(0, at)] = value.startsWith("@") ? await textOf(value.slice(1)) : value;
  }
  return values;
}
