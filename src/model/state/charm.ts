/**
 * Reading a charm's files, with Juju's demands and messages. Juju 3.6: charm/v12 {meta,manifest,config,actions,
 * lxdprofile}.go, api/client/charms/localcharmclient.go.
 */
import { type DocumentOptions, parse, type ParseOptions, type ScalarTag, type SchemaOptions, type Tags } from "yaml";
import { UserError } from "../../errors.ts";
import type { Plugin } from "../contract.ts";
import { isMap } from "./action-schema.ts";
import { isApplicationName } from "./names.ts";
import { parseSetting } from "./settings.ts";
import type {
  CharmAction,
  CharmBase,
  CharmInfo,
  CharmOption,
  CharmStorage,
  ConfigValue,
  Endpoint,
  OptionType,
  Role,
} from "./types.ts";

type Map = Readonly<Record<string, unknown>>;

/**
 * `files`: name in the archive → text. Needed: `metadata.yaml`, and `manifest.yaml` in practice; read where present:
 * `config.yaml`, `actions.yaml`, `lxd-profile.yaml`, `version`. Of all other files the name alone is looked at (there
 * must be a `dispatch` or a hook), their text may be empty. Throws UserError for what Juju would refuse.
 */
export function parseCharm(files: Readonly<Record<string, string>>): CharmInfo {
  const metadata = readMap(files, "metadata.yaml");
  if (metadata === null) throw new UserError('archive file "metadata.yaml" not found');
  const name = readName(metadata);
  if (!Object.keys(files).some((file) => file.includes("dispatch") || file.startsWith("hooks/"))) {
    throw new UserError(`invalid charm "${name}": has no hooks nor dispatch file`);
  }
  const bases = readBases(readMap(files, "manifest.yaml"));
  if (bases.length > 0) refuseFirstFormat(name, metadata);
  return {
    name,
    summary: String(metadata["summary"]),
    description: String(metadata["description"]),
    endpoints: readEndpoints(name, metadata),
    extraBindings: Object.keys(mapAt(metadata, "extra-bindings")),
    options: readOptions(readMap(files, "config.yaml")),
    actions: readActions(readMap(files, "actions.yaml")),
    resources: readResources(metadata),
    storage: readStorage(name, metadata),
    bases,
    profile: readProfile(readMap(files, "lxd-profile.yaml")),
    version: (files["version"] ?? "").split("\n")[0] ?? "",
    sha256: "",
    path: "",
    channel: null,
  };
}

/** A plug-in as if it were a charm from Charmhub. Throws UserError for a channel that it does not play. */
export function pluginCharm(plugin: Plugin, channel: string): CharmInfo {
  if (!plugin.channels.includes(channel)) {
    throw new UserError(
      `charm "${plugin.charm}" has no channel "${channel}" here`,
      `Use one of: ${plugin.channels.join(", ")}`,
    );
  }
  return {
    name: plugin.charm,
    summary: "",
    description: "",
    endpoints: mapValues(plugin.endpoints, (endpoint) => ({ ...endpoint, limit: 0 })),
    extraBindings: [],
    options: mapValues(plugin.options, (option) => ({ ...option })),
    actions: {},
    resources: {},
    storage: {},
    // What the applications the model plays run on for real; nothing here depends on it.
    bases: [{ name: "ubuntu", channel: "24.04/stable", architectures: [] }],
    profile: null,
    version: "",
    sha256: "",
    path: "",
    channel,
  };
}

/** As juju/yaml reads: `yes` and `on` are booleans, but a lone `y` or `n` is none. */
const GO_YAML: DocumentOptions & SchemaOptions & ParseOptions = {
  version: "1.1",
  logLevel: "error",
  customTags: (tags) => tags.map(withoutLetters),
};

function withoutLetters(tag: Tags[number]): Tags[number] {
  if (typeof tag !== "object" || tag.tag !== "tag:yaml.org,2002:bool" || !("test" in tag)) return tag;
  const test = new RegExp(tag.test?.source.replace(/[YN]\|[yn]\|/, "") ?? "");
  return { ...tag, test } as ScalarTag;
}

function readMap(files: Readonly<Record<string, string>>, file: string): Map | null {
  const text = files[file];
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = parse(text, GO_YAML);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : ""}`);
  }
  if (value === null) return {};
  if (!isMap(value)) throw new UserError(`cannot read ${file}: expected map, got ${typeof value}`);
  return value;
}

function mapAt(map: Map, key: string): Map {
  const value = map[key];
  return isMap(value) ? value : {};
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, make: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value, key)]));
}

function readName(metadata: Map): string {
  for (const key of ["name", "summary", "description"]) {
    if (typeof metadata[key] !== "string") throw new UserError(`metadata: ${key}: expected string, got nothing`);
  }
  const name = String(metadata["name"]);
  if (!isApplicationName(name)) throw new UserError(`charm name "${name}" not valid`);
  return name;
}

/** A charm whose manifest has bases uses the second format of metadata. */
function refuseFirstFormat(name: string, metadata: Map): void {
  for (const key of ["series", "min-juju-version", "deployment"]) {
    if (key in metadata)
      throw new UserError(`charm "${name}": "${key}" not valid in a charm with bases in its manifest`);
  }
}

const ROLES: readonly (readonly [string, Role])[] = [
  ["provides", "provides"],
  ["requires", "requires"],
  ["peers", "peer"],
];

function readEndpoints(charm: string, metadata: Map): Record<string, Endpoint> {
  const endpoints: Record<string, Endpoint> = {};
  for (const [section, role] of ROLES) {
    for (const [name, value] of Object.entries(mapAt(metadata, section))) {
      if (name === "juju" || name.startsWith("juju-")) {
        throw new UserError(`charm "${charm}" using a reserved relation name: "${name}"`);
      }
      if (name in endpoints) throw new UserError(`charm "${charm}" using a duplicated relation name: "${name}"`);
      endpoints[name] = readEndpoint(name, role, value);
    }
  }
  return endpoints;
}

function readEndpoint(name: string, role: Role, value: unknown): Endpoint {
  if (typeof value === "string") return { role, interface: value, limit: 0 };
  const map: Map = isMap(value) ? value : {};
  if (typeof map["interface"] !== "string")
    throw new UserError(`metadata: ${name}.interface: expected string, got nothing`);
  return { role, interface: map["interface"], limit: typeof map["limit"] === "number" ? map["limit"] : 0 };
}

const OPTION_TYPES: readonly string[] = ["string", "int", "float", "boolean", "secret"];

function readOptions(config: Map | null): Record<string, CharmOption> {
  return mapValues(mapAt(config ?? {}, "options"), (value, name) => {
    const map: Map = isMap(value) ? value : {};
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

function readActions(actions: Map | null): Record<string, CharmAction> {
  return mapValues(actions ?? {}, (value, name) => {
    if (!ACTION_NAME.test(name)) throw new UserError(`bad action name ${name}`);
    if (name === "juju" || name.startsWith("juju-"))
      throw new UserError(`cannot use action name ${name}: "juju-" is a reserved name`);
    return readAction(name, isMap(value) ? value : {});
  });
}

function readAction(name: string, spec: Map): CharmAction {
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

function readResources(metadata: Map): CharmInfo["resources"] {
  return mapValues(mapAt(metadata, "resources"), (value, name) => {
    const map: Map = isMap(value) ? value : {};
    const type = map["type"] ?? "file";
    if (type !== "file") throw new UserError(`resource "${name}" of type "${String(type)}" not supported on machines`);
    if (typeof map["filename"] !== "string")
      throw new UserError(`bad resource info: resource "${name}": missing filename`);
    return { filename: map["filename"], description: String(map["description"] ?? "") };
  });
}

function readStorage(charm: string, metadata: Map): Record<string, CharmStorage> {
  return mapValues(mapAt(metadata, "storage"), (value, name) => {
    const map: Map = isMap(value) ? value : {};
    const { type } = map;
    if (type !== "filesystem" && type !== "block") {
      throw new UserError(`metadata: storage.${name}.type: unexpected value ${JSON.stringify(type ?? null)}`);
    }
    // Parses in Juju, but no such charm can be deployed (Juju 3.6, state/storage.go).
    if (map["shared"] === true)
      throw new UserError(`charm "${charm}" store "${name}": shared storage support not implemented`);
    return {
      type,
      ...readRange(String(mapAt(map, "multiple")["range"] ?? "1")),
      location: String(map["location"] ?? ""),
    };
  });
}

/** `n`, `n-m`, `n-`, `n+` */
function readRange(range: string): { minimum: number; maximum: number } {
  const [, minimum = "1", rest = "", end = ""] = /^(\d+)([-+]?)(\d*)$/.exec(range) ?? [];
  if (rest === "") return { minimum: Number(minimum), maximum: Number(minimum) };
  return { minimum: Number(minimum), maximum: end === "" ? -1 : Number(end) };
}

const BASE_NAMES: readonly string[] = ["ubuntu", "centos", "windows", "osx", "opensuse", "genericlinux"];

function readBases(manifest: Map | null): CharmBase[] {
  const bases = manifest?.["bases"];
  if (!Array.isArray(bases)) return [];
  return bases.filter(isMap).map((base: Map) => {
    const name = String(base["name"]);
    if (!BASE_NAMES.includes(name)) throw new UserError(`manifest: invalid base: os "${name}" not valid`);
    const channel = String(base["channel"]);
    const architectures = Array.isArray(base["architectures"]) ? base["architectures"].map(String) : [];
    return { name, channel: channel.includes("/") ? channel : `${channel}/stable`, architectures };
  });
}

const DEVICE_TYPES: readonly string[] = ["unix-char", "unix-block", "gpu", "usb"];

function readProfile(profile: Map | null): Map | null {
  if (profile === null) return null;
  for (const device of Object.values(mapAt(profile, "devices"))) {
    const type = isMap(device) ? device["type"] : undefined;
    if (type !== undefined && !DEVICE_TYPES.includes(String(type))) {
      throw new UserError(`invalid lxd-profile.yaml: contains device type "${String(type)}"`);
    }
  }
  for (const key of Object.keys(mapAt(profile, "config"))) {
    if (/^(boot|limits|migration)/.test(key))
      throw new UserError(`invalid lxd-profile.yaml: contains config value "${key}"`);
  }
  return profile;
}
