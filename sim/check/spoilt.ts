/** Releases that were spoilt in their place, as long as they are there. */
import type { Node } from "../disk/nodes.ts";

interface Harm {
  /** Null after a power loss, when everything is another node. */
  root: Node | null;
  /** A look at kinds, sizes, modes and times tells. */
  readonly visible: boolean;
}

export class Spoilt {
  readonly #harms = new Map<string, Harm>();

  names(release: string): boolean {
    return this.#harms.has(release);
  }

  add(release: string, root: Node, visible: boolean): void {
    this.#harms.set(release, { root, visible: visible || this.#harms.get(release)?.visible === true });
  }

  /** What lies under the name is what was spoilt. */
  has(release: string, root: Node): boolean {
    const harm = this.#harms.get(release);
    if (harm !== undefined) harm.root ??= root;
    return harm?.root === root;
  }

  /** Nobody should run from it once there was time to look. */
  isVisible(release: string): boolean {
    return this.#harms.get(release)?.visible === true;
  }

  forget(): void {
    for (const harm of this.#harms.values()) harm.root = null;
  }

  gone(release: string): void {
    this.#harms.delete(release);
  }
}
