/** `config.yaml` and `actions.yaml`. Juju 3.6: charm/v12 {config,actions}.go. */
import { UserError } from "../../errors.ts";
import { isMap } from "./action-schema.ts";
import { mapAt, mapValues, type YamlMap } from "./charm-yaml.ts";
import { parseSetting } from "./settings.ts";
import type { CharmAction, CharmOption, ConfigValue, OptionType } from "./types.ts";

const OPTION_TYPES: readonly string[] = ["string", "int", "float", "boolean", "secret"];

export function readOptions(config: YamlMap | null): Record<string, CharmOption> {
  return mapValues(mapAt(config ?? {}, "options"), (value, name) => {
    const map: YamlMap = isMap(value) ? value : {};
    const type = String(map["type"] ?? "string");
    if (!OPTION_TYPES.includes(type))
      throw new UserError(`invalid config: option "${name}" has unknown type "${type}"`);
    const description = String(map["description"] ?? "");
    const given = map["default"];
    if (given === undefined || given === null) return { type: type as OptionType, description };
    return { type: type as OptionType, description, default: readDefault(name, type as OptionType, given) };
  });
}

function readDefault(name: string, type: OptionType, given: unknown): ConfigValue {
  const fits =
    (type === "int" && Number.isInteger(given)) ||
    (type === "float" && typeof given === "number") ||
    ((type === "string" || type === "secret") && typeof given === "string") ||
    (type === "boolean" && typeof given === "boolean");
  if (fits) return given as ConfigValue;
  if (typeof given === "string" && type !== "string") {
    try {
      return parseSetting(name, { type, description: "" }, given);
    } catch {
      // The message below names the default, which is what the charm's author has to look at.
    }
  }
  throw new UserError(`invalid config default: option "${name}" expected ${type}, got ${JSON.stringify(given)}`);
}

const ACTION_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

export function readActions(actions: YamlMap | null): Record<string, CharmAction> {
  return mapValues(actions ?? {}, (value, name) => {
    if (!ACTION_NAME.test(name)) throw new UserError(`bad action name ${name}`);
    if (name === "juju" || name.startsWith("juju-"))
      throw new UserError(`cannot use action name ${name}: "juju-" is a reserved name`);
    return readAction(name, isMap(value) ? value : {});
  });
}

function readAction(name: string, spec: YamlMap): CharmAction {
  const { description, parallel, "execution-group": group, params, ...rest } = spec;
  const bad = ["$schema", "$ref"].find((key) => JSON.stringify(spec).includes(`"${key}":`));
  if (bad !== undefined) throw new UserError(`schema key "${bad}" not compatible with this version of juju`);
  return {
    description: typeof description === "string" ? description : "No description",
    parallel: parallel === true,
    executionGroup: typeof group === "string" ? group : "",
    schema: { ...rest, title: name, type: "object", properties: isMap(params) ? params : {} },
  };
}
