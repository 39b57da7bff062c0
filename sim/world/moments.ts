/** Moments of a unit's work that faults wait for: what a call that is about to happen means in the store's protocol. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import type { Call } from "../disk/process.ts";

export const MOMENTS = [
  "downloading",
  "unpacking",
  "before publication",
  "between publish and fsync",
  "leasing",
  "moving to trash",
  "looking at leases again",
  "emptying trash",
  "hook decides",
  "between secret and commit",
  "before the link jumps",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** In order: the first that fits. `before`: the same process's rename before this call. */
const CALLS: readonly { moment: Moment; method: string; path: RegExp; before?: RegExp }[] = [
  { moment: "downloading", method: "write", path: /^partial\/[0-9a-f]{64}\./ },
  { moment: "unpacking", method: "createFile", path: /^staging\/[^/]+\/(bin|fly-assets)\// },
  { moment: "before publication", method: "chmod", path: /^staging\/[^/]+$/ },
  { moment: "between publish and fsync", method: "sync", path: /^releases$/, before: /^staging\// },
  { moment: "leasing", method: "openFile", path: /^worker\/[^/]+\/state\.json$/ },
  { moment: "moving to trash", method: "rename", path: /^releases\// },
  { moment: "looking at leases again", method: "list", path: /^worker$/, before: /^releases\// },
  { moment: "emptying trash", method: "unlink", path: /^trash\// },
];

export class Moments {
  #renamed = "";

  /** What a call of an agent means; null for most. */
  of({ method, path }: Call): Moment | null {
    if (!path.startsWith(STORE_PATH)) return null;
    const inside = path.slice(STORE_PATH.length + 1);
    const found = CALLS.find(
      (call) => call.method === method && call.path.test(inside) && (call.before?.test(this.#renamed) ?? true),
    );
    if (method === "rename") this.#renamed = inside;
    return found?.moment ?? null;
  }
}
