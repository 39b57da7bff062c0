/**
 * Crash prefixes: a first install, an upgrade, a clean-up and a lease change are interrupted after every operation on
 * the disk, in every way a power loss can leave it (`sim/disk/images.ts`). A reader finds the old state, or the new one
 * and whole; an agent that is started again completes what was begun.
 */
import type { Target } from "../../src/store/types.ts";
import { Disk } from "../disk/disk.ts";
import type { Image } from "../disk/images.ts";
import type { LockScope } from "../disk/disk.ts";
import { Dice } from "../world/random.ts";
import { type Bounds, prefixesOf } from "./prefixes.ts";
import { type Found, keyOf, readDisk } from "./reader.ts";
import { type Scenario, scenariosOf, type Told } from "./scenarios.ts";
import { archiveOf, type CrashArchive, CrashWorld, now } from "./world.ts";

export interface CrashOptions {
  readonly seed: number;
  /** Interleavings of each scenario. */
  readonly runs: number;
  readonly locks: readonly LockScope[];
  readonly sizes: readonly ("small" | "large")[];
  readonly bounds: Bounds;
  /** Images a prefix from which an agent is started again. */
  readonly recoveries: number;
  /** With two units: the first one is made to stand still at each n-th of its calls. */
  readonly stride: number;
  /** The one scenario to run. */
  readonly only?: string;
  /** Breaks the disk, to see that it is noticed. */
  readonly deafTo?: Disk["deafTo"];
}

export const FULL: CrashOptions = {
  seed: 1,
  runs: 2,
  locks: ["shared", "none"],
  sizes: ["small", "large"],
  bounds: { all: 4_096, seeded: 1_000, pairs: true },
  recoveries: 4,
  stride: 1,
};

export interface CrashCounts {
  readonly scenario: string;
  /** Interleavings. */
  readonly runs: number;
  readonly prefixes: number;
  /** Prefixes of which every image was made. */
  readonly exhaustive: number;
  readonly images: number;
  /** Images that a reader can tell apart. */
  readonly different: number;
  readonly recoveries: number;
  readonly violations: readonly string[];
}

type Explored = Omit<CrashCounts, "scenario">;

export async function crashSuite(options: CrashOptions): Promise<readonly CrashCounts[]> {
  const counts: CrashCounts[] = [];
  for (const size of options.sizes) {
    const archives = [archiveOf("7.14.3", size), archiveOf("7.15.0", size)] as const;
    const targets = await Promise.all(archives.map((archive) => agreed(archive)));
    for (const scenario of scenariosOf(...archives)) {
      if (options.only !== undefined && scenario.name !== options.only) continue;
      for (const locks of options.locks) {
        const setting = { scenario, archives, targets, locks, options };
        const parts = [];
        for (let run = 0; run < options.runs; run++) {
          parts.push(await new Interrupted({ ...setting, seed: options.seed + run, pauseAt: 0 }).explore());
        }
        if (scenario.overtaking) parts.push(...(await overtaken(setting)));
        const name = `${scenario.name}, ${size} archive, ${locks === "none" ? "no lock" : "lock"}`;
        counts.push({ scenario: name, ...sum(parts) });
      }
    }
  }
  return counts;
}

/** Another interleaving for each call before which the first unit can stand still. */
async function overtaken(setting: Omit<Setting, "seed" | "pauseAt">): Promise<Explored[]> {
  const options = { ...setting.options, bounds: { all: 16, seeded: 0, pairs: false }, recoveries: 0 };
  const { seed, stride } = options;
  const parts: Explored[] = [];
  for (let pauseAt = 1; ; pauseAt += stride) {
    const one = new Interrupted({ ...setting, options, seed, pauseAt });
    const explored = await one.explore();
    if (one.calls < pauseAt) return parts;
    parts.push(explored);
  }
}

function sum(parts: readonly Explored[]): Explored {
  const total = (of: (part: Explored) => number) => parts.reduce((all, part) => all + of(part), 0);
  return {
    runs: parts.length,
    prefixes: total(({ prefixes }) => prefixes),
    exhaustive: total(({ exhaustive }) => exhaustive),
    images: total(({ images }) => images),
    different: total(({ different }) => different),
    recoveries: total(({ recoveries }) => recoveries),
    violations: [...new Set(parts.flatMap(({ violations }) => violations))],
  };
}

/** One line for each scenario, and the violations. */
export function showCrashes(counts: readonly CrashCounts[]): string {
  return counts
    .flatMap(({ scenario, runs, prefixes, exhaustive, images, different, recoveries, violations }) => [
      `${scenario}: ${runs} runs, ${prefixes} prefixes (${exhaustive} with every image), ${images} images ` +
        `(${different} that a reader can tell apart), ${recoveries} restarts, ${violations.length} violations`,
      ...violations.map((violation) => `  ${violation}`),
    ])
    .join("\n");
}

/** The target as it is agreed on once it was published somewhere. */
async function agreed(archive: CrashArchive): Promise<Target> {
  const world = new CrashWorld({ seed: 0, locks: "shared", archives: [archive] });
  const [install] = scenariosOf(archive, archive);
  await install?.run(world, () => undefined);
  const machine = world.machines[0];
  const [name] = machine?.names("/var/lib/concourse/releases") ?? [];
  const manifest = machine?.bytes(`/var/lib/concourse/releases/${name}/manifest.json`) ?? new Uint8Array();
  const { hash } = world.ports(world.process(0));
  const hasher = hash.sha256();
  hasher.update(manifest);
  return { ...archive.target, manifestSha256: hasher.digest() };
}

interface Setting {
  readonly scenario: Scenario;
  readonly archives: readonly CrashArchive[];
  readonly targets: readonly Target[];
  readonly locks: LockScope;
  readonly seed: number;
  readonly pauseAt: number;
  readonly options: CrashOptions;
}

class Interrupted {
  readonly #setting: Setting;
  readonly #dice: Dice;
  readonly #found = new Map<string, Found>();
  readonly #violations: string[] = [];
  /** Calls of the first unit. */
  calls = 0;
  #worlds = 0;
  #images = 0;
  #recoveries = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#dice = new Dice(setting.seed, "images");
  }

  async explore(): Promise<Explored> {
    const { scenario, options, pauseAt } = this.#setting;
    const world = this.#world({ pauseAt });
    await scenario.before(world);
    const log = world.disk.record();
    /** How many operations had been done when something was told. */
    const toldAt = new Map<Told, number>();
    await scenario.run(world, (what) => {
      if (!toldAt.has(what)) toldAt.set(what, log.operations.length);
    });
    this.calls = world.calls;
    let exhaustive = 0;
    for (const prefix of prefixesOf(log, options.bounds, this.#dice)) {
      if (prefix.exhaustive) exhaustive++;
      const told = new Set([...toldAt].filter(([, at]) => at <= prefix.count).map(([what]) => what));
      const where = `after ${prefix.count} operations (${log.operations[prefix.count - 1]?.text ?? "none"})`;
      const sample: Image[] = [];
      for (const image of prefix.images) {
        this.#images++;
        this.#keep(sample, image);
        const wrong = scenario.wrong(await this.#read(image, log.root), told);
        if (wrong !== null) this.#violations.push(`${where}: ${wrong}`);
      }
      for (const image of sample) await this.#recover(image, log.root, where);
    }
    const [prefixes, different] = [log.operations.length + 1, this.#found.size];
    const [images, recoveries] = [this.#images, this.#recoveries];
    return { runs: 1, prefixes, exhaustive, images, different, recoveries, violations: [...new Set(this.#violations)] };
  }

  #world(more: { readonly disk?: Disk; readonly pauseAt?: number }): CrashWorld {
    const { seed, locks, archives, options } = this.#setting;
    // No name is made twice by chance.
    return new CrashWorld({
      seed: seed + 1_000_000 * ++this.#worlds,
      locks,
      archives,
      deafTo: options.deafTo ?? null,
      ...more,
    });
  }

  async #read(image: Image, root: number): Promise<Found> {
    const key = keyOf(image, root);
    let found = this.#found.get(key);
    if (found === undefined) {
      const disk = Disk.of(image, root, { device: 9, now });
      const world = this.#world({ disk });
      found = await readDisk(disk, this.#setting.targets, (machine) => world.ports(machine.process("reader")));
      this.#found.set(key, found);
    }
    return found;
  }

  /** Each image of a prefix is as likely to be in the sample. */
  #keep(sample: Image[], image: Image): void {
    const { recoveries } = this.#setting.options;
    if (sample.length < recoveries) sample.push(image);
    else if (this.#dice.chance(recoveries / this.#images)) sample[this.#dice.below(recoveries)] = image;
  }

  async #recover(image: Image, root: number, where: string): Promise<void> {
    this.#recoveries++;
    const { scenario, targets } = this.#setting;
    const world = this.#world({ disk: Disk.of(image, root, { device: 9, now }) });
    try {
      await scenario.again(world);
    } catch (error) {
      this.#violations.push(`${where}: started again: ${String(error)}`);
      return;
    }
    const found = await readDisk(world.disk, targets, (machine) => world.ports(machine.process("reader")));
    const told = new Set<Told>(["old-published", "new-published", "lease-changed"]);
    const wrong = scenario.wrong(found, told);
    if (wrong !== null) this.#violations.push(`${where}: started again: ${wrong}`);
    const left = ["staging", "trash"].flatMap((name) => world.machines[0]?.names(`/var/lib/concourse/${name}`) ?? []);
    if (left.length > 0) this.#violations.push(`${where}: left over: ${left.join(", ")}`);
  }
}
