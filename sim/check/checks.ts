/** What must hold after every step, whatever happens. */
import { isLease, MANIFEST, parseReleaseName, RELEASES, TRASH, WORKERS } from "../../src/store/layout.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import type { Disk } from "../disk/disk.ts";
import type { DirectoryNode, FileNode, Node } from "../disk/nodes.ts";
import { forgotten } from "./local.ts";
import { Generations } from "./generations.ts";
import { wrongUse } from "./in-use.ts";
import { leaseIn, leasesOf } from "./leases.ts";
import { LockWatch } from "./lock.ts";
import { Restarts } from "./restarts.ts";
import { SecondLooks } from "./second-look.ts";
import { Spoilt } from "./spoilt.ts";
import { Violation } from "./violation.ts";
import { entriesOf, filesOf, isManifestOf, marksOf } from "./tree.ts";
import { PRECIOUS } from "../world/tamper.ts";
import type { SimUnit } from "../world/unit.ts";
import type { World } from "../world/world.ts";

/** Far more than any hook takes as long as nobody stops it. */
const LONGEST_HOOK_MS = 20_000;

/** A published release as it was seen first. */
interface Published {
  readonly root: DirectoryNode;
  /** Serial and time of the last change of everything below, in order. */
  marks: readonly number[];
  /** Members whose lease named it when it left `releases/`. */
  leased: readonly string[] | null;
}

export class Checks {
  readonly #world: World;
  readonly #changes = new Map<Disk, number>();
  readonly #published = new Map<Disk, Map<string, Published>>();
  /** Releases that somebody's hand has put there or changed: they prove nothing. */
  readonly tampered = new Set<string>();
  /** Lock files that were replaced: whoever still holds one excludes nobody. */
  readonly replacedLocks: FileNode[] = [];
  readonly log: string[] = [];
  readonly locks = new LockWatch(({ name }) =>
    this.#report("a lock goes with its holder", `${name} is kept out by nobody`),
  );
  readonly generations = new Generations((...broken) => this.#report(...broken));
  readonly restarts: Restarts;
  readonly looks = new SecondLooks();
  readonly spoilt = new Spoilt();
  linksPlanted = false;
  readonly #linkedOnce = new Set<SimUnit>();
  #found: Violation | null = null;

  constructor(world: World) {
    this.#world = world;
    this.restarts = new Restarts(world, (...broken) => this.#report(...broken));
  }

  /** Thrown at the next step, wherever it was found: among the unit's own calls somebody might catch it. */
  #report(rule: string, message: string): void {
    this.#found ??= new Violation(rule, message);
  }

  /** After every step. Looks only at what may have changed. */
  step(): void {
    if (this.#found !== null) throw this.#found;
    for (const disk of this.#world.disks) {
      if (this.#changes.get(disk) === disk.changes) continue;
      this.#changes.set(disk, disk.changes);
      this.#releases(disk);
      this.#leases(disk);
      if (disk === this.#world.store) this.#readers(disk);
    }
    this.#links();
    this.#downloads();
    this.#elsewhere();
  }

  /** After a power loss everything is another node. What is there has to be whole all the same. */
  forget(disk: Disk): void {
    this.#published.delete(disk);
    if (disk === this.#world.store) this.spoilt.forget();
    this.#changes.delete(disk);
  }

  /** A release of the store was harmed just now: as it is, it stays. */
  harmed(name: string, root: DirectoryNode, whole: string, visible: boolean): void {
    this.spoilt.add(name, root, whole, visible);
    const known = this.#published.get(this.#world.store)?.get(name);
    if (known?.root === root) known.marks = marksOf(root);
  }

  #releases(disk: Disk): void {
    const known = this.#published.get(disk) ?? new Map<string, Published>();
    this.#published.set(disk, known);
    const there = entriesOf(disk.root, RELEASES);
    if (disk !== this.#world.store && there.size > 0)
      this.#report("another store is left alone", [...there.keys()].join(", "));
    for (const [name, node] of there) {
      if (parseReleaseName(name) === null || this.tampered.has(name)) continue;
      const before = known.get(name);
      if (before?.root === node) this.#unchanged(name, before);
      const release = before?.root === node ? null : this.#whole(name, node);
      if (release !== null) known.set(name, release);
      if (before === undefined && parseReleaseName(name)?.copy !== 1)
        this.#world.met("copy published beside a damaged one");
    }
    for (const [name, release] of known) {
      if (there.get(name) !== release.root) this.#gone(disk, name, release, known);
    }
  }

  #whole(name: string, root: Node): Published | null {
    const digest = parseReleaseName(name)?.digest ?? "";
    const archive = [...this.#world.archives.bySha256.values()].find(({ sha256 }) => sha256.startsWith(digest));
    if (archive === undefined || root.kind !== "directory") {
      this.#report("only what was verified is published", `${name} is of no archive`);
      return null;
    }
    const published: Published = { root, marks: marksOf(root), leased: null };
    if (this.spoilt.has(name, root)) return published;
    const files = new Map(filesOf(root, ""));
    const manifest = files.get(MANIFEST);
    files.delete(MANIFEST);
    const whole = [...archive.files].every(([path, bytes]) => files.get(path)?.equals(bytes) === true);
    if (!whole || files.size !== archive.files.size || !isManifestOf(manifest, archive.sha256))
      this.#report("only what was verified is published", `${name} is not what its digest says`);
    return published;
  }

  #unchanged(name: string, { root, marks }: Published): void {
    const now = marksOf(root);
    if (now.length !== marks.length || now.some((mark, index) => mark !== marks[index]))
      return this.#report("a published release never changes", name);
  }

  /** It is on its way out, or gone for good. */
  #gone(disk: Disk, name: string, release: Published, known: Map<string, Published>): void {
    release.leased ??= leasesOf(disk).flatMap(({ member, releases }) => (releases.includes(name) ? [member] : []));
    const waiting = [...entriesOf(disk.root, TRASH).values()].some(
      (node) => node === release.root || (node.kind === "directory" && node.entries.get(name) === release.root),
    );
    if (waiting && marksOf(release.root).length === release.marks.length) return;
    known.delete(name);
    if (disk === this.#world.store) this.spoilt.gone(name);
    if (this.tampered.has(name)) return;
    const still = leasesOf(disk).filter(({ releases }) => releases.includes(name));
    const { last } = this.#world.scheduler;
    const robbed = still.filter(({ member, file }) => release.leased?.includes(member) || this.looks.saw(last, file));
    if (robbed.length > 0)
      return this.#report("nothing leased or in use is removed", `${name}, leased by ${robbed[0]?.member}`);
  }

  #readers(disk: Disk): void {
    for (const unit of this.#world.units) {
      const broken = wrongUse(unit, disk, this.tampered);
      if (broken !== null) this.#report(...broken);
    }
  }

  /** What lies under the name of a unit's lease is that unit's lease. */
  #leases(disk: Disk): void {
    for (const [member, directory] of entriesOf(disk.root, WORKERS)) {
      if (directory.kind !== "directory") continue;
      for (const [name, file] of directory.entries) {
        if (isLease(name) && file.kind === "file" && leaseIn(file)?.member !== member)
          this.#report("every file on the store is what its name says", `lease of ${member}`);
      }
    }
  }

  /** Once there, the link is there as long as its unit is. */
  #links(): void {
    for (const unit of this.#world.units) {
      const { memory, juju, name } = unit;
      if (memory.current !== null) this.#linkedOnce.add(unit);
      else if (!memory.stopped && !juju.dead && this.#linkedOnce.has(unit))
        this.#report("readers see old or new, never none", `${name} has no link`);
    }
  }

  /** Nothing is ever made where planted links lead to. */
  #elsewhere(): void {
    if (!this.linksPlanted) return;
    for (const { machine, name } of this.#world.units) {
      if (machine.names(PRECIOUS).length > 0) this.#report("no planted link is followed", name);
    }
  }

  #downloads(): void {
    const { downloads } = this.#world.network;
    if (downloads.size < 2 || !this.#world.shape.lock) return;
    if (this.replacedLocks.some(({ holders }) => holders.size > 0)) return;
    const names = [...downloads].filter(({ alive }) => alive).map(({ name }) => name);
    if (names.length > 1) this.#report("at most one download while the lock works", names.join(", "));
  }

  /** A unit says that copies are damaged, as all others will hear it. */
  damageTold({ name }: SimUnit, releases: readonly string[]): void {
    const sound = releases.find((release) => !this.spoilt.everHad(release) && !this.tampered.has(release));
    if (sound !== undefined) this.#report("nothing whole is called damaged", `${name} says so of ${sound}`);
  }

  /** The link of a unit has jumped. */
  linked(unit: SimUnit, release: string): void {
    const disk = unit.mounted();
    // Its store was taken away between the last look and the jump: the unit says so, and goes back when it is there again.
    if (disk !== this.#world.store) return;
    const node = entriesOf(disk.root, RELEASES).get(release);
    if (node === undefined) return this.#report("readers see old or new, never none", `${unit.name} to ${release}`);
    if (this.tampered.has(release))
      return this.#report("nothing unverified is adopted", `${unit.name} runs ${release}, which was planted`);
    this.#whole(release, node);
    const lease = leasesOf(disk).filter(({ member }) => member === unit.member);
    if (lease.some(({ releases }) => releases.includes(release))) return;
    // The lease of a unit that cannot write follows its words, and these may have changed twice meanwhile.
    if (unit.machine.mounts().some(({ point, readOnly }) => point === STORE_PATH && readOnly))
      this.#world.met("read-only unit's lease overtaken by its own words");
    else return this.#report("a lease comes before the link", `${unit.name} to ${release}`);
  }

  /** A unit's machine has lost its power. */
  recalled(unit: SimUnit): void {
    const disk = unit.mounted();
    const broken = disk === this.#world.store ? forgotten(unit, leasesOf(disk)) : null;
    if (broken !== null) this.#report(...broken);
  }

  hookEnded(unit: SimUnit, failure: unknown, milliseconds: number): void {
    this.restarts.told(unit);
    if (milliseconds > LONGEST_HOOK_MS && unit.run?.life.wasFrozen === false)
      this.#report("no hook waits", `${unit.name}: ${Math.round(milliseconds)} ms`);
    if (failure instanceof TypeError || failure instanceof ReferenceError)
      this.#report("no fault of ours", `${unit.name}: ${failure.stack}`);
    this.log.push(`${this.#world.scheduler.steps} ${unit.name} hook ${failure === null ? "ended" : String(failure)}`);
  }

  logged(unit: SimUnit, line: string): void {
    if (/TypeError|ReferenceError/.test(line)) this.#report("no fault of ours", `${unit.name}: ${line}`);
    this.log.push(`${this.#world.scheduler.steps} ${unit.name} ${line}`);
  }
}
