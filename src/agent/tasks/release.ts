/** Watches the store for the target, and checks what was published before anything is started from it. */
import { releaseName, RELEASES } from "../../store/layout.ts";
import { findRelease, verifyRelease } from "../../store/release.ts";
import { errno } from "../../store/errors.ts";
import { using } from "../../store/files.ts";
import type { Release, Store } from "../../store/types.ts";
import type { ReleaseState, Target } from "../contract.ts";
import { Fault } from "../fault.ts";
import type { Task, TaskIo } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly store: StoreNeeds;
}

/** While the target is expected: one `readdir`. */
const LOOK_MS = 100;
/** Once it is there and checked: it is immutable, so this only notices that somebody took it away. */
const CHECKED_MS = 5_000;
/** A release that is not what it should be: only somebody's hand changes that. */
const REFUSED_MS = 5_000;

export function releaseTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "release",
    rest: { release: null },
    needs: (orders, findings) => {
      if (orders.target === null) return null;
      const store = storeNeeds(orders, findings);
      return store === null || store === undefined ? store : { target: orders.target, store };
    },
    begin: ({ target, store: needs }) => {
      let checked = "";
      return async (io) => {
        const copies = await listCopies(world, needs.path, target);
        if (copies === "") {
          checked = "";
          io.report({ release: null });
          return LOOK_MS;
        }
        if (copies === checked) return CHECKED_MS;
        return withStore(world, needs, async (store) => {
          const release = await findRelease(ports, store, target);
          if (release === null) {
            io.report({ release: null });
            return refuse(world, store, target);
          }
          await check(world, io, store, target, release);
          checked = copies;
          return CHECKED_MS;
        });
      };
    },
  };
}

/** Names of what is published of the target, "" for nothing. A release never changes, so the same names are the same. */
async function listCopies({ ports }: TaskWorld, path: string, target: Target): Promise<string> {
  const name = releaseName(target);
  try {
    const names = await using(await ports.fs.openDirectory(`${path}/${RELEASES}`), (dir) => dir.list());
    return names.filter((entry) => entry === name || entry.startsWith(`${name}.`)).join(" ");
  } catch (error) {
    if (errno(error) === "ENOENT") return "";
    throw error;
  }
}

/** There is something by the target's name that cannot be used. Never returns if a manifest was committed. */
async function refuse({ ports }: TaskWorld, store: Store, target: Target): Promise<number> {
  if (target.manifestSha256 === null) return LOOK_MS;
  const other = await findRelease(ports, store, { ...target, manifestSha256: null });
  const what = other === null ? "is damaged" : "is not the one that was verified first";
  const message = `Concourse ${target.version} on the store ${what}: see action storage-status`;
  throw new Fault({ code: "release-refused", message, blocked: true }, REFUSED_MS);
}

async function check(world: TaskWorld, io: TaskIo, store: Store, target: Target, release: Release): Promise<void> {
  const found: ReleaseState = {
    sha256: target.sha256,
    name: release.name,
    manifestSha256: release.manifestSha256,
    verified: false,
  };
  // What an earlier life of the agent has checked is checked again, but stays usable meanwhile.
  const before = world.findings().release;
  const known = before?.name === found.name && before.manifestSha256 === found.manifestSha256 && before.verified;
  io.report({ release: { ...found, verified: known } });
  const problem = await verifyRelease(world.ports, store, release, "bin", async () => io.signal.throwIfAborted());
  io.report({ release: { ...found, verified: problem === null } });
  if (problem !== null) throw new Fault(problem, REFUSED_MS);
}
