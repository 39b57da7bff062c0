/** A hundred versions in a row, each until everybody runs it: what the store holds at most. */
import { RELEASES, TRASH } from "../src/store/layout.ts";
import { entriesOf } from "./check/tree.ts";
import { Violation } from "./check/violation.ts";
import { NONE } from "./mutations/mutation.ts";
import { makeArchives } from "./world/archives.ts";
import { shapeOf } from "./world/plan.ts";
import { World } from "./world/world.ts";

export interface Versions {
  readonly versions: number;
  readonly downloads: number;
  /** Releases on the store at most, once everybody ran a version and the clean-up had its time. */
  readonly mostReleases: number;
  /** At any step. */
  readonly mostEver: number;
  /** Bytes on the store after the first version, and at most after any other. */
  readonly firstBytes: number;
  readonly mostBytes: number;
  readonly problem: string | null;
}

/** Ten minutes: a clean-up comes with the last unit's word. */
const PATIENCE_MS = 600_000;
const MOST_STEPS = 60_000;

/** Changes the version `count` times in a world in which nothing goes wrong. */
export async function versionsInARow(seed: number, count: number): Promise<Versions> {
  const archives = await makeArchives(count);
  const shape = { ...shapeOf(seed, { units: [3, 3], lock: true }), faults: [], powerLoss: false };
  const world = new World(seed, shape, archives, NONE);
  const result = { versions: 0, downloads: 0, mostReleases: 0, mostEver: 0, firstBytes: 0, mostBytes: 0 };
  /** Published, or on their way out; a mark alone is an empty directory. */
  const releases = () => {
    const trash = [...entriesOf(world.store.root, TRASH).values()];
    const leaving = trash.filter((node) => node.kind === "directory" && node.entries.size > 0);
    return entriesOf(world.store.root, RELEASES).size + leaving.length;
  };
  const until = async (done: () => boolean): Promise<boolean> => {
    const limit = world.scheduler.steps + MOST_STEPS;
    await world.scheduler.run(() => {
      world.checks.step();
      result.mostEver = Math.max(result.mostEver, releases());
      return done() || world.scheduler.steps > limit;
    });
    return done();
  };
  /** What runs, and what ran before. */
  const isBounded = () => releases() <= 2;
  try {
    for (const { version } of archives.right) {
      for (const application of world.applications) {
        if (application.config["version"] !== undefined) world.configure(application, { version });
      }
      if (!(await until(() => world.settled()))) return { ...result, problem: `not everybody runs ${version}` };
      const settled = world.scheduler.steady;
      await until(() => isBounded() || world.scheduler.steady > settled + PATIENCE_MS);
      if (!isBounded()) return { ...result, problem: `${releases()} releases after ${version}` };
      result.versions += 1;
      result.mostReleases = Math.max(result.mostReleases, releases());
      result.firstBytes ||= world.store.used;
      result.mostBytes = Math.max(result.mostBytes, world.store.used);
    }
    return { ...result, downloads: world.network.begun, problem: null };
  } catch (error) {
    if (error instanceof Violation) return { ...result, problem: `${error.rule}: ${error.message}` };
    throw error;
  }
}
