/** What a clean-up can know when it takes releases away for good: the leases at its look after they were moved away. */
import { TRASH, WORKERS } from "../../src/store/layout.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import type { FileNode } from "../disk/nodes.ts";
import type { Call } from "../disk/process.ts";
import type { Life } from "../world/scheduler.ts";

const [TRASHED, LEASES] = [TRASH, WORKERS].map((name) => `${STORE_PATH}/${name}`);

export class SecondLooks {
  /** Directory that an agent has just listed, and the files of leases as they were at its last look after the trash. */
  readonly #listed = new Map<Life, string>();
  readonly #seen = new Map<Life, ReadonlySet<FileNode>>();

  /** An agent asks for a call: true for one that looks at the leases after the trash. However long it then sleeps. */
  isOne(life: Life, { method, path }: Call): boolean {
    if (method === "openDirectory" && path === LEASES) return false;
    const looks = method === "list";
    const second = looks && path === LEASES && this.#listed.get(life) === TRASHED;
    this.#listed.set(life, looks ? path : "");
    return second;
  }

  /** The look happens, and these leases are there. */
  happens(life: Life, leases: Iterable<FileNode>): void {
    this.#seen.set(life, new Set(leases));
  }

  /** The agent saw this very lease when it looked last. */
  saw(life: Life | null, lease: FileNode): boolean {
    return life !== null && this.#seen.get(life)?.has(lease) === true;
  }
}
