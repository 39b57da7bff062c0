/** What is interrupted, and what a reader may find then. All of it is the production code of the store. */
import { whyNotYet } from "../../src/store/adopt.ts";
import { cleanUp } from "../../src/store/cleanup.ts";
import { StoreError } from "../../src/store/errors.ts";
import { fetchRelease } from "../../src/store/fetch.ts";
import { writeLease } from "../../src/store/lease.ts";
import { releaseName } from "../../src/store/layout.ts";
import { openStore } from "../../src/store/store.ts";
import { sweepOwn } from "../../src/store/temporary.ts";
import type { StorePorts } from "../../src/store/ports.ts";
import type { FetchOptions, Store, Target } from "../../src/store/types.ts";
import type { Found } from "./reader.ts";
import { type CrashArchive, type CrashWorld, ordersOf, STORE, urlOf } from "./world.ts";

export const MEMBERS = ["m1-app-0", "m1-app-1"] as const;

const QUIET: FetchOptions = { report: () => undefined, signal: new AbortController().signal, lock: true, bad: [] };

/** What has been said to be done: from then on it must be there. */
export type Told = "old-published" | "new-published" | "lease-changed" | "old-in-use";

export interface Scenario {
  readonly name: string;
  /** Also with the first unit standing still at each of its calls until the second one is done. */
  readonly overtaking?: true;
  /** What is there before, all of it durable. */
  readonly before: (world: CrashWorld) => Promise<void>;
  /** What is interrupted. `tell` is called as soon as a call that promises it has returned. */
  readonly run: (world: CrashWorld, tell: (what: Told) => void) => Promise<void>;
  /** Null, or what is wrong with what was found. */
  readonly wrong: (found: Found, told: ReadonlySet<Told>) => string | null;
  /** What the agent does when it is started again; null where there is nothing to complete. */
  readonly again: (world: CrashWorld) => Promise<void>;
}

/** The store as an agent has it while it works. */
export async function inStore<Result>(
  world: CrashWorld,
  unit: 0 | 1,
  work: (store: Store, ports: StorePorts) => Promise<Result>,
): Promise<Result> {
  const process = world.process(unit);
  const ports = world.ports(process);
  const { state, store } = await openStore(ports, ordersOf(MEMBERS[unit]));
  if (store === null) throw new StoreError(state.problem ?? { code: "none", message: "no problem", blocked: true });
  await sweepOwn(store);
  const result = await work(store, ports);
  await store.close();
  if (process.descriptors > 0) throw new Error(`${process.descriptors} descriptors left open`);
  process.kill();
  return result;
}

async function fetch(world: CrashWorld, unit: 0 | 1, { target }: CrashArchive): Promise<boolean> {
  return inStore(world, unit, async (store, ports) => {
    const proxy = { http: null, https: null, none: null };
    const archive = { kind: "http" as const, url: urlOf(target), headers: {}, proxy };
    const { kind } = await fetchRelease(ports, store, target, async () => [archive], QUIET);
    return kind === "published";
  });
}

const lease = (world: CrashWorld, unit: 0 | 1, releases: readonly string[]) =>
  inStore(world, unit, (store, ports) => writeLease(ports, store, MEMBERS[unit], releases));

/** As the charm asks before its link jumps. */
async function mayRun(world: CrashWorld, unit: 0 | 1, release: string): Promise<boolean> {
  const process = world.process(unit);
  const late = await whyNotYet(process, STORE, MEMBERS[unit], release);
  if (process.descriptors > 0) throw new Error(`${process.descriptors} descriptors left open`);
  process.kill();
  return late === null;
}

const clean = (world: CrashWorld, keep: readonly string[]) =>
  inStore(world, 0, async (store, ports) => void (await cleanUp(ports, store, { keep, dryRun: false })));

const nothing = async (): Promise<void> => undefined;

/** Releases: old ones stay whole, the new one is absent or whole, and whole once that was said; leases can be read. */
function wrongIn(
  found: Found,
  expected: Readonly<Record<string, readonly string[]>>,
  leases: readonly (readonly string[])[],
): string | null {
  if (typeof found.leases === "string") return `leases: ${found.leases}`;
  const lists = [...leases].map((list) => list.join(" "));
  const mine = (found.leases[MEMBERS[0]] ?? []).join(" ");
  if (!lists.includes(mine)) return `lease: ${mine}`;
  if (found.strange.length > 0) return `under releases: ${found.strange.join(", ")}`;
  const bad = Object.entries(expected).find(([version, allowed]) => !allowed.includes(found.releases[version] ?? ""));
  return bad === undefined ? null : `${bad[0]}: ${found.releases[bad[0]]}`;
}

const name = (target: Target): string => releaseName(target);
const WHOLE = ["whole"];
const EITHER = ["whole", "absent"];

export function scenariosOf(old: CrashArchive, next: CrashArchive): readonly Scenario[] {
  const [a, b] = [name(old.target), name(next.target)];
  const { version: oldVersion } = old.target;
  const { version: newVersion } = next.target;
  const published = async (world: CrashWorld) => {
    await fetch(world, 0, old);
    await lease(world, 0, [a]);
  };
  /** A store that is new is none, until its parts are there. */
  const isNew = (found: Found) => found.store === "store-new";
  return [
    {
      name: "first install",
      before: nothing,
      run: async (world, tell) => {
        await fetch(world, 0, old);
        tell("old-published");
        await lease(world, 0, [a]);
        tell("lease-changed");
      },
      wrong: (found, told) => {
        if (isNew(found) && !told.has("old-published")) return null;
        if (found.store !== null) return `store: ${found.store}`;
        const release = told.has("old-published") ? WHOLE : EITHER;
        return wrongIn(found, { [oldVersion]: release }, told.has("lease-changed") ? [[a]] : [[], [a]]);
      },
      again: (world) => published(world),
    },
    {
      name: "first install by two at once",
      overtaking: true,
      before: nothing,
      run: async (world, tell) => {
        const one = async (unit: 0 | 1) => {
          if (await fetch(world, unit, old)) tell("old-published");
        };
        await world.overtaken(
          () => one(0),
          () => one(1),
        );
      },
      wrong: (found, told) => {
        if (isNew(found) && !told.has("old-published")) return null;
        if (found.store !== null) return `store: ${found.store}`;
        return wrongIn(found, { [oldVersion]: told.has("old-published") ? WHOLE : EITHER }, [[]]);
      },
      again: async (world) => {
        await fetch(world, 0, old);
        await fetch(world, 1, old);
      },
    },
    {
      name: "upgrade",
      before: published,
      run: async (world, tell) => {
        await fetch(world, 0, next);
        tell("new-published");
        await lease(world, 0, [a, b]);
        tell("lease-changed");
      },
      wrong: (found, told) => {
        if (found.store !== null) return `store: ${found.store}`;
        const release = told.has("new-published") ? WHOLE : EITHER;
        const leases = told.has("lease-changed") ? [[a, b]] : [[a], [a, b]];
        return wrongIn(found, { [oldVersion]: WHOLE, [newVersion]: release }, leases);
      },
      again: async (world) => {
        await fetch(world, 0, next);
        await lease(world, 0, [a, b]);
      },
    },
    {
      name: "clean-up",
      before: async (world) => {
        await published(world);
        await fetch(world, 0, next);
        await lease(world, 0, [b]);
      },
      run: async (world) => {
        await clean(world, []);
      },
      wrong: (found) =>
        found.store === null
          ? wrongIn(found, { [oldVersion]: EITHER, [newVersion]: WHOLE }, [[b]])
          : `store: ${found.store}`,
      again: async (world) => {
        await clean(world, []);
        await fetch(world, 0, next);
      },
    },
    {
      name: "clean-up that meets a lease",
      overtaking: true,
      before: async (world) => {
        await published(world);
        await fetch(world, 0, next);
        await lease(world, 0, [b]);
      },
      run: async (world, tell) => {
        await world.overtaken(
          () => clean(world, []),
          async () => {
            await lease(world, 1, [a]);
            if (await mayRun(world, 1, a)) tell("old-in-use");
          },
        );
        // If it was on its way out by then, it has been put back.
        if (await mayRun(world, 1, a)) tell("old-in-use");
      },
      wrong: (found, told) => {
        if (found.store !== null) return `store: ${found.store}`;
        const release = told.has("old-in-use") ? WHOLE : EITHER;
        return wrongIn(found, { [oldVersion]: release, [newVersion]: WHOLE }, [[b]]);
      },
      again: async (world) => {
        await lease(world, 1, [a]);
        await clean(world, []);
      },
    },
    {
      name: "lease change",
      before: async (world) => {
        await published(world);
        await fetch(world, 0, next);
      },
      run: async (world, tell) => {
        await lease(world, 0, [a, b]);
        await lease(world, 0, [b]);
        tell("lease-changed");
      },
      wrong: (found, told) => {
        if (found.store !== null) return `store: ${found.store}`;
        const leases = told.has("lease-changed") ? [[b]] : [[a], [a, b], [b]];
        return wrongIn(found, { [oldVersion]: WHOLE, [newVersion]: WHOLE }, leases);
      },
      again: async (world) => {
        await lease(world, 0, [b]);
        await fetch(world, 0, next);
      },
    },
  ];
}
