/** `metadata.yaml`. Juju 3.6: charm/v12 meta.go. */
import { UserError } from "../../errors.ts";
import { isMap } from "./action-schema.ts";
import { mapAt, mapValues, type YamlMap } from "./charm-yaml.ts";
import { isApplicationName } from "./names.ts";
import type { CharmInfo, CharmStorage, Endpoint, Role } from "./types.ts";

export function readName(metadata: YamlMap): string {
  for (const key of ["name", "summary", "description"]) {
    if (typeof metadata[key] !== "string") throw new UserError(`metadata: ${key}: expected string, got nothing`);
  }
  const name = String(metadata["name"]);
  if (!isApplicationName(name)) throw new UserError(`charm name "${name}" not valid`);
  return name;
}

/** A charm whose manifest has bases uses the second format of metadata. */
export function refuseFirstFormat(name: string, metadata: YamlMap): void {
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

export function readEndpoints(charm: string, metadata: YamlMap): Record<string, Endpoint> {
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
  const map: YamlMap = isMap(value) ? value : {};
  if (typeof map["interface"] !== "string")
    throw new UserError(`metadata: ${name}.interface: expected string, got nothing`);
  return { role, interface: map["interface"], limit: typeof map["limit"] === "number" ? map["limit"] : 0 };
}

export function readResources(metadata: YamlMap): CharmInfo["resources"] {
  return mapValues(mapAt(metadata, "resources"), (value, name) => {
    const map: YamlMap = isMap(value) ? value : {};
    const type = map["type"] ?? "file";
    if (type !== "file") throw new UserError(`resource "${name}" of type "${String(type)}" not supported on machines`);
    if (typeof map["filename"] !== "string")
      throw new UserError(`bad resource info: resource "${name}": missing filename`);
    return { filename: map["filename"], description: String(map["description"] ?? "") };
  });
}

export function readStorage(charm: string, metadata: YamlMap): Record<string, CharmStorage> {
  return mapValues(mapAt(metadata, "storage"), (value, name) => {
    const map: YamlMap = isMap(value) ? value : {};
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
