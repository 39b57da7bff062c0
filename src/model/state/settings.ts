/**
 * Typed settings of an application: parsing, defaults, and the hash that decides about `config-changed`.
 * Juju 3.6: charm/v12 config.go; state/watcher.go hashSettings; cmd/juju/application/config.go.
 */
import { createHash } from "node:crypto";
import { UserError } from "../../errors.ts";
import type { ApplicationRow, Core } from "./data.ts";
import { sortedRecord } from "./names.ts";
import { applicationNamed, charmOf } from "./rows.ts";
import type { CharmOption, ConfigListing, ConfigValue, OptionListing } from "./types.ts";

const GO_TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const GO_FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Go's strconv.ParseBool; undefined = syntax error. */
export function parseGoBool(text: string): boolean | undefined {
  if (GO_TRUE.has(text)) return true;
  return GO_FALSE.has(text) ? false : undefined;
}

export function parseSetting(name: string, option: CharmOption, text: string): ConfigValue {
  const value = readAs(option.type, text);
  if (value === undefined) throw new UserError(`option "${name}" expected ${option.type}, got "${text}"`);
  return value;
}

function readAs(type: CharmOption["type"], text: string): ConfigValue | undefined {
  switch (type) {
    case "string":
      return text;
    case "int":
      return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    case "float":
      return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
    case "boolean":
      return parseGoBool(text);
    case "secret":
      return /^secret:(\/\/)?([0-9a-f-]{36}\/)?[0-9a-v]{20}$/.test(text) ? text : undefined;
  }
}

/** Parses all values before anything is stored. */
export function parseSettings(
  options: Readonly<Record<string, CharmOption>>,
  values: Readonly<Record<string, string>>,
): Record<string, ConfigValue> {
  return Object.fromEntries(
    Object.entries(values).map(([name, text]) => {
      const option = options[name];
      if (option === undefined) throw new UserError(`unknown option "${name}"`);
      return [name, parseSetting(name, option, text)];
    }),
  );
}

export function setConfig(core: Core, application: string, values: Readonly<Record<string, string>>): void {
  const row = applicationNamed(core.data, application);
  const parsed = parseSettings(charmOf(core.data, row).info.options, values);
  for (const [name, value] of Object.entries(parsed)) {
    if (row.settings[name] === value) continue;
    row.settings[name] = value;
    core.changed();
  }
}

export function resetConfig(core: Core, application: string, keys: readonly string[]): void {
  const row = applicationNamed(core.data, application);
  const { options } = charmOf(core.data, row).info;
  for (const key of keys) if (options[key] === undefined) throw new UserError(`unknown option "${key}"`);
  for (const key of keys) {
    if (row.settings[key] === undefined) continue;
    delete row.settings[key];
    core.changed();
  }
}

/** What `config-get` sees: every option, null where there is neither a value nor a default. */
export function effectiveSettings(core: Core, row: ApplicationRow): Record<string, ConfigValue | null> {
  const options = Object.entries(charmOf(core.data, row).info.options);
  return Object.fromEntries(options.map(([name, option]) => [name, row.settings[name] ?? option.default ?? null]));
}

/** Only what is stored counts, not defaults; application and charm are in it. */
export function settingsHash(row: ApplicationRow): string {
  const stored = JSON.stringify([row.name, row.charm, sortedRecord(row.settings)]);
  return createHash("sha256").update(stored).digest("hex");
}

const TRUST: OptionListing = {
  default: false,
  description: "Does this application have access to trusted credentials",
  source: "default",
  type: "bool",
  value: false,
};

export function listConfig(core: Core, application: string): ConfigListing {
  const row = applicationNamed(core.data, application);
  const charm = charmOf(core.data, row).info;
  const settings = Object.entries(charm.options).map(
    ([name, option]) => [name, listOption(row, name, option)] as const,
  );
  return {
    application,
    "application-config": { trust: TRUST },
    charm: charm.name,
    settings: sortedRecord(Object.fromEntries(settings)),
  };
}

function listOption(row: ApplicationRow, name: string, option: CharmOption): OptionListing {
  const value = row.settings[name] ?? option.default;
  // `source` is a comparison of values in Juju: the default stored explicitly still shows as default.
  const source = value === undefined ? "unset" : value === option.default ? "default" : "user";
  return {
    ...(option.default === undefined ? {} : { default: option.default }),
    description: option.description,
    source,
    type: option.type,
    ...(value === undefined ? {} : { value }),
  };
}

export function configValue(core: Core, application: string, key: string): ConfigValue | null {
  const row = applicationNamed(core.data, application);
  const values = effectiveSettings(core, row);
  if (!(key in values)) {
    throw new UserError(`key "${key}" not found in "${application}" application config or charm settings.`);
  }
  return values[key] ?? null;
}
