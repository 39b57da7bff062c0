/** The applications that the local model can play itself. */

import type { Plugin } from "../contract.ts";
import { postgresql } from "./postgresql/plugin.ts";

export const PLUGINS: readonly Plugin[] = [postgresql];

/** The plug-in that plays a charm of this name, if there is one. */
export function pluginFor(charm: string): Plugin | undefined {
  return PLUGINS.find((plugin) => plugin.charm === charm);
}
