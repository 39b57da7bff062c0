import type { Plugin } from "../contract.ts";
import type { CharmInfo } from "./types.ts";

/** Reads the texts of a charm's files (name → text); throws UserError with Juju's message for what Juju would refuse. */
export function parseCharm(_files: Readonly<Record<string, string>>): CharmInfo {
  throw new Error("not yet");
}

export function pluginCharm(_plugin: Plugin, _channel: string): CharmInfo {
  throw new Error("not yet");
}
