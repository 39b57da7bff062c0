/** Calls between which it makes no difference to anybody else who goes on. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import { LOCK } from "../../src/store/layout.ts";
import type { Call } from "../disk/process.ts";

const QUIET = new Set(["stat", "lstat", "readlink", "mountId"]);
const isShared = (path: string): boolean => path.startsWith(STORE_PATH);

/** Of a hook: its own machine is its own business as long as it runs. */
export const isQuietInHook = (call: Call): boolean => isQuiet(call) || !isShared(call.path);

/** What nobody else can notice, and what only the unit's own charm could: others go first only now and then. */
export function isQuiet({ method, path, changes }: Call): boolean {
  if (method === "close") return !path.endsWith(LOCK);
  if (QUIET.has(method)) return true;
  return !changes && !isShared(path) && method !== "mounts" && method !== "sync";
}
