/**
 * Reading a charm's files, with Juju's demands and messages. Juju 3.6: charm/v12 {meta,manifest,config,actions,
 * lxdprofile}.go, api/client/charms/localcharmclient.go.
 */
import { UserError } from "../../errors.ts";
import type { Plugin } from "../contract.ts";
import { isMap } from "./action-schema.ts";
import { readEndpoints, readName, readResources, readStorage, refuseFirstFormat } from "./charm-metadata.ts";
import { readActions, readOptions } from "./charm-options.ts";
import { mapAt, mapValues, readMap, type YamlMap } from "./charm-yaml.ts";
import type { CharmBase, CharmInfo } from "./types.ts";

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

const BASE_NAMES: readonly string[] = ["ubuntu", "centos", "windows", "osx", "opensuse", "genericlinux"];

function readBases(manifest: YamlMap | null): CharmBase[] {
  const bases = manifest?.["bases"];
  if (!Array.isArray(bases)) return [];
  return bases.filter(isMap).map((base: YamlMap) => {
    const name = String(base["name"]);
    if (!BASE_NAMES.includes(name)) throw new UserError(`manifest: invalid base: os "${name}" not valid`);
    const channel = String(base["channel"]);
    const architectures = Array.isArray(base["architectures"]) ? base["architectures"].map(String) : [];
    return { name, channel: channel.includes("/") ? channel : `${channel}/stable`, architectures };
  });
}

const DEVICE_TYPES: readonly string[] = ["unix-char", "unix-block", "gpu", "usb"];

function readProfile(profile: YamlMap | null): YamlMap | null {
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
