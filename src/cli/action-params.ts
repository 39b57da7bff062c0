/** Parameters of `juju run`: `k.k=value` words over a YAML file (Juju 3.6, cmd/juju/action/run.go). */

import { UserError } from "../errors.ts";
import { parseYaml } from "./documents.ts";

type Params = Record<string, unknown>;

function put(params: Params, path: readonly string[], value: unknown): void {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    params[key] = value;
    return;
  }
  const below = params[key];
  const inner = typeof below === "object" && below !== null ? (below as Params) : {};
  params[key] = inner;
  put(inner, rest, value);
}

/** `text`: contents of the file of `--params`, or null. Values are read as YAML unless `asText`. */
export async function paramsFrom(words: readonly string[], text: string | null, asText: boolean): Promise<Params> {
  const params: Params = {};
  if (text !== null) Object.assign(params, await parseYaml(text, "the file of --params"));
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw new UserError(`argument "${word}" must be of the form key.key.key...=value`);
    const value = word.slice(at + 1);
    put(params, word.slice(0, at).split("."), asText ? value : await parseYaml(value, `the value of "${word}"`));
  }
  return params;
}
