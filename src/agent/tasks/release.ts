/** Watches the store for the target, and checks what was published before anything is started from it. */
import { isCopyOf, RELEASES } from "../../store/layout.ts";
import { damageProblem, type Flaw, inspectRelease } from "../../store/inspect.ts";
import { findRelease } from "../../store/release.ts";
import { errno } from "../../store/errors.ts";
import { using } from "../../store/files.ts";
import type { Depth, Release, Store } from "../../store/types.ts";
import type { ReleaseState, Target } from "../contract.ts";
import { withDamage } from "../damage.ts";
import { aboutStore, Fault } from "../fault.ts";
import type { Task, TaskIo } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly damaged: readonly string[];
  readonly store: StoreNeeds;
}

/** While the target is expected: one `readdir`. */
const LOOK_MS = 100;
/** Once it is there and checked: is it still there? */
const CHECKED_MS = 5_000;
/** Is everything in it as it was? Some hundred `lstat`. */
const SHAPE_MS = 15_000;
/** A release that is not what it should be: a new copy of it, or somebody's hand, changes that. */
const REFUSED_MS = 5_000;

export function releaseTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "release",
    rest: { release: null, damaged: [] },
    needs: (orders, findings) => {
      const { target, damaged = [] } = orders;
      if (target === null) return null;
      const store = storeNeeds(orders, findings);
      return store === null || store === undefined ? store : { target, damaged, store };
    },
    begin: ({ target, damaged, store: needs }) => {
      let checked = NOTHING_CHECKED;
      return async (io) => {
        io.report({ damaged: withDamage(world.findings().damaged, target, null) });
        const names = await listCopies(world, needs.path, target);
        const copies = names.filter((name) => !damaged.includes(name));
        if (copies.length === 0) {
          checked = NOTHING_CHECKED;
          io.report({ release: null });
          return LOOK_MS;
        }
        const known = copies.join(" ") === checked.copies;
        if (known && ports.clock.steady() - checked.at < SHAPE_MS) return CHECKED_MS;
        return withStore(world, needs, async (store) => {
          const release = await findRelease(ports, store, target, damaged);
          if (release === null) {
            // Whatever comes back under its name is looked at from the beginning.
            checked = NOTHING_CHECKED;
            return refuse(world, io, store, target, copies);
          }
          const mark = known
            ? await lookAgain(world, io, store, target, release, checked.mark)
            : await adopt(world, io, store, target, release);
          checked = { copies: copies.join(" "), mark, at: ports.clock.steady() };
          return CHECKED_MS;
        });
      };
    },
  };
}

/** What was found good: names of copies, when their files were last touched, and when that was seen (steady clock). */
interface Checked {
  readonly copies: string;
  readonly mark: string;
  readonly at: number;
}

const NOTHING_CHECKED: Checked = { copies: "", mark: "", at: 0 };

/** Names of what is published of the target. */
async function listCopies({ ports }: TaskWorld, path: string, target: Target): Promise<string[]> {
  try {
    const names = await aboutStore(path, async () =>
      using(await ports.fs.openDirectory(`${path}/${RELEASES}`), (dir) => dir.list()),
    );
    return names.filter((name) => isCopyOf(name, target));
  } catch (error) {
    if (errno(error) === "ENOENT") return [];
    throw error;
  }
}

/** There is something by the target's name that cannot be used. Never returns if a manifest was committed. */
async function refuse(
  world: TaskWorld,
  io: TaskIo,
  store: Store,
  target: Target,
  copies: readonly string[],
): Promise<number> {
  io.report({ release: null });
  if (target.manifestSha256 === null) return LOOK_MS;
  // A clean-up moves releases away, and puts back those that were leased meanwhile: such a one is whole.
  const there = await listCopies(world, store.path, target);
  const others = there.filter((name) => !copies.includes(name));
  const moved = !copies.every((name) => there.includes(name));
  if (moved || (await findRelease(world.ports, store, target, others)) !== null) return LOOK_MS;
  const other = await findRelease(world.ports, store, { ...target, manifestSha256: null });
  const what = other === null ? "is missing or damaged" : "is not the one that was agreed on";
  const flaw: Flaw = { path: "manifest.json", what };
  for (const release of copies) {
    io.report({ damaged: withDamage(world.findings().damaged, target, { release, flaw }) });
  }
  throw new Fault(damageProblem(flaw), REFUSED_MS);
}

/** Reads what services are started from. What an earlier life of the agent has checked stays usable meanwhile. */
async function adopt(world: TaskWorld, io: TaskIo, store: Store, target: Target, release: Release): Promise<string> {
  const found: ReleaseState = {
    sha256: target.sha256,
    name: release.name,
    manifestSha256: release.manifestSha256,
    verified: false,
  };
  const before = world.findings().release;
  const known = before?.name === found.name && before.manifestSha256 === found.manifestSha256 && before.verified;
  io.report({ release: { ...found, verified: known } });
  const mark = await inspect(world, io, store, target, release, "bin");
  io.report({ release: { ...found, verified: true } });
  return mark;
}

/** Kinds, sizes and modes; all contents if any file was touched since. */
async function lookAgain(
  world: TaskWorld,
  io: TaskIo,
  store: Store,
  target: Target,
  release: Release,
  mark: string,
): Promise<string> {
  const now = await inspect(world, io, store, target, release, "shape");
  return now === mark ? mark : inspect(world, io, store, target, release, "all");
}

async function inspect(
  { ports, findings }: TaskWorld,
  io: TaskIo,
  store: Store,
  target: Target,
  release: Release,
  depth: Depth,
): Promise<string> {
  const { flaw, mark } = await inspectRelease(ports, store, release, depth, async () => io.signal.throwIfAborted());
  if (flaw === null) return mark;
  const { name } = release;
  const before = findings().release;
  if (before?.name === name && flaw.path.startsWith("bin/")) io.report({ release: { ...before, verified: false } });
  io.report({ damaged: withDamage(findings().damaged, target, { release: name, flaw }) });
  throw new Fault(damageProblem(flaw), REFUSED_MS);
}
