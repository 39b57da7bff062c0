/** Releases that were spoilt in their place, as long as they are there. */
import { readReport } from "../../src/relations/peers.ts";
import type { DirectoryNode, Node } from "../disk/nodes.ts";
import { peersOf } from "../juju/model.ts";
import type { SimUnit } from "../world/unit.ts";

interface Harm {
  /** Null after a power loss, when everything is another node. */
  root: Node | null;
  /** A look at kinds, sizes, modes and times tells. */
  readonly visible: boolean;
  /** What it was before: a harm that was not synced can go with the power. */
  readonly whole: string;
}

export class Spoilt {
  readonly #harms = new Map<string, Harm>();
  readonly #ever = new Set<string>();

  names(release: string): boolean {
    return this.#harms.has(release);
  }

  /** Something under the name was spoilt once: what is said of it may be old. */
  everHad(release: string): boolean {
    return this.#ever.has(release);
  }

  add(release: string, root: DirectoryNode, whole: string, visible: boolean): void {
    this.#harms.set(release, { root, visible, whole });
    this.#ever.add(release);
  }

  /** What lies under the name is what was spoilt. */
  has(release: string, root: Node): boolean {
    const harm = this.#harms.get(release);
    if (harm === undefined) return false;
    if (harm.root === null && root.kind === "directory" && fingerprint(root) === harm.whole) this.gone(release);
    else harm.root ??= root;
    return harm.root === root;
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

/** Copies that a unit's agent has found damaged, as the unit tells all others. */
export function calledDamaged({ name, juju }: SimUnit): string[] {
  const bag = peersOf(juju.application).unitBags.get(name)?.value ?? {};
  // Asked whenever a hook ends, and hardly ever there.
  const tells = /"damaged":\[\{/.test(bag["unit"] ?? "");
  return tells ? (readReport(bag)?.damaged ?? []).map(({ release }) => release) : [];
}

/** Everything that a manifest tells of a release's files. */
export function fingerprint(directory: DirectoryNode): string {
  const entries = [...directory.entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, node]) => `${name} ${node.mode} ${contentOf(node)}\n`).join("");
}

function contentOf(node: Node): string {
  if (node.kind === "directory") return `(${fingerprint(node)})`;
  return node.kind === "file" ? Buffer.from(node.buffer.subarray(0, node.size)).toString("base64") : node.kind;
}
