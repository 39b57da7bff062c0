/** Faults in how the store is written: order, durability, names, links. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import { DIRECTORIES, MANIFEST, STAGING, TRASH, WORKERS } from "../../src/store/layout.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Dir, File } from "../../src/ports.ts";
import type { SimUnit } from "../world/unit.ts";
import { changedFs, insideOf, type DirChange, type FileChange } from "./files.ts";
import { mutation, type Mutation } from "./mutation.ts";

const [STAGED, LEASES, TRASHED] = [STAGING, WORKERS, TRASH].map((name) => `${STORE_PATH}/${name}`);

/** A mutation of the files alone; what it must remember it keeps for one process of one unit. */
function ofFiles(
  name: string,
  make: (unit: SimUnit, ports: AgentPorts) => { readonly dir?: DirChange; readonly file?: FileChange },
): Mutation {
  return mutation(name, {
    ports: (ports, unit) => ({
      ...ports,
      fs: changedFs(ports.fs, make(unit, ports)),
      lock: { take: (dir, file) => ports.lock.take(insideOf(dir), file) },
    }),
  });
}

/** The published directory comes into being entry by entry. */
const installInPlace = ofFiles("install-in-place", () => ({
  dir: (inner, path) => ({
    rename: async (name, to, toName) => {
      if (path !== STAGED || !/-linux-/.test(toName)) return inner.rename(name, insideOf(to), toName);
      const target = insideOf(to);
      await target.makeDirectory(toName, 0o555);
      const [from, into] = [await inner.openDirectory(name), await target.openDirectory(toName)];
      for (const entry of await from.list()) await from.rename(entry, into, entry);
      await into.sync();
      await inner.removeDirectory(name);
    },
  }),
}));

/** Files get their contents once the manifest says that they are there. */
const manifestBeforeFiles = ofFiles("manifest-before-files", () => {
  const late: (() => Promise<void>)[] = [];
  const isContent = (path: string) =>
    path.startsWith(`${STAGED}/`) && path.split("/").length > 6 && !path.endsWith(MANIFEST);
  return {
    file: (inner, path) => {
      if (!isContent(path)) return {};
      const later = (work: () => Promise<void>) => async () => void late.push(work);
      return {
        write: async (chunks, position) => void late.push(() => inner.write(chunks, position)),
        sync: later(() => inner.sync()),
        close: later(() => inner.close()),
      };
    },
    dir: (inner, path) => ({
      rename: async (name, to, toName) => {
        await inner.rename(name, insideOf(to), toName);
        if (path === STAGED && /-linux-/.test(toName)) for (const work of late.splice(0)) await work();
      },
    }),
  };
});

const noDirectoryFsync = ofFiles("no-directory-fsync", () => ({ dir: () => ({ sync: async () => undefined }) }));

const noFileFsync = ofFiles("no-file-fsync", () => ({
  file: () => ({ sync: async () => undefined, syncData: async () => undefined }),
}));

/** `tmp.<pid>.<second>`, as a shell script writes it; in two containers both can be equal. */
const namesFromPidAndSecond = ofFiles("names-from-pid-and-second", ({ world }) => {
  const names = new Map<string, string>();
  const renamed = (name: string): string => {
    if (!/^[a-z0-9-]+\.[0-9a-f-]{36}$/.test(name)) return name;
    const known = names.get(name) ?? `42.${Math.floor(world.scheduler.now() / 1000)}`;
    names.set(name, known);
    return known;
  };
  return {
    dir: (inner) => ({
      openDirectory: (name) => inner.openDirectory(renamed(name)),
      makeDirectory: (name, mode) => inner.makeDirectory(renamed(name), mode).catch(() => undefined),
      removeDirectory: (name) => inner.removeDirectory(renamed(name)),
      createFile: async (name, mode) => {
        try {
          return await inner.createFile(renamed(name), mode);
        } catch {
          const file = await inner.openFile(renamed(name), "write");
          await file.truncate(0);
          return file;
        }
      },
      link: (name, to, toName) => inner.link(renamed(name), insideOf(to), renamed(toName)),
      symlink: (target, name) => inner.symlink(target, renamed(name)),
      unlink: (name) => inner.unlink(renamed(name)),
      rename: (name, to, toName) => inner.rename(renamed(name), insideOf(to), renamed(toName)),
      chmod: (name, mode) => inner.chmod(renamed(name), mode),
      lstat: (name) => inner.lstat(renamed(name)),
    }),
  };
});

/** A directory that is a link to one is as good as one. */
const plantedLinkFollowed = ofFiles("planted-link-followed", (_, { fs }) => ({
  dir: (inner: Dir) => ({
    openDirectory: (name) =>
      inner.openDirectory(name).catch(async (error: unknown) => {
        const target = await inner.readlink(name).catch(() => null);
        if (target === null) throw error;
        return fs.openDirectory(target);
      }),
    lstat: async (name) => {
      const stat = await inner.lstat(name);
      const isOurs = (DIRECTORIES as readonly string[]).includes(name);
      return stat.kind === "link" && isOurs ? { ...stat, kind: "directory" } : stat;
    },
  }),
}));

/** A full disk is not noticed: what was written is as much as fitted. */
const fullDiskOverlooked = ofFiles("full-disk-overlooked", () => ({
  dir: () => ({ space: async () => ({ total: 1e12, free: 1e12 }) }),
  file: (inner) => ({ write: (chunks, position) => inner.write(chunks, position).catch(() => undefined) }),
}));

const cleanUpIgnoresLeases = ofFiles("clean-up-ignores-leases", () => ({
  dir: (inner, path) => (path === LEASES ? { list: async () => [] } : { list: () => inner.list() }),
}));

/** What others lease while a clean-up goes on is not seen: it reads each lease once. */
const leasesListedOnce = mutation("leases-listed-once", {
  ports: (ports, { member }) => {
    let seen: Map<string, Uint8Array> | null = null;
    const read = async (inner: File, path: string, known: Map<string, Uint8Array>): Promise<Uint8Array> => {
      const bytes = known.get(path) ?? new Uint8Array((await inner.stat()).size);
      if (!known.has(path)) await inner.read(bytes, 0);
      known.set(path, bytes);
      return bytes;
    };
    const file: FileChange = (inner, path) => {
      if (!path.startsWith(`${LEASES}/`) || path.includes(`/${member}/`)) return {};
      return {
        stat: async () => {
          const stat = await inner.stat();
          return seen === null ? stat : { ...stat, size: (await read(inner, path, seen)).length };
        },
        read: async (into, position) => {
          if (seen === null) return inner.read(into, position);
          const piece = (await read(inner, path, seen)).subarray(position, position + into.length);
          into.set(piece);
          return piece.length;
        },
      };
    };
    const take: AgentPorts["lock"]["take"] = async (dir, name) => {
      const held = await ports.lock.take(insideOf(dir), name);
      if (held === null) return null;
      seen = new Map();
      const release = (): Promise<void> => {
        seen = null;
        return held.release();
      };
      return { valid: () => held.valid(), release };
    };
    return { ...ports, fs: changedFs(ports.fs, { file }), lock: { take } };
  },
});

/** Marks of a clean-up are looked at by nobody but itself: to others they have names that say nothing. */
const markNotLookedAt = ofFiles("mark-not-looked-at", () => {
  const unseen = (name: string): string => name.replace("-linux-", "-unseen-");
  return {
    dir: (inner, path) =>
      path !== TRASHED
        ? {}
        : {
            makeDirectory: (name, mode) => inner.makeDirectory(unseen(name), mode),
            openDirectory: (name) => inner.openDirectory(unseen(name)),
            removeDirectory: (name) => inner.removeDirectory(unseen(name)),
            lstat: (name) => inner.lstat(unseen(name)),
            list: async () => (await inner.list()).map((name) => name.replace("-unseen-", "-linux-")),
          },
  };
});

export const DISK_MUTATIONS: readonly Mutation[] = [
  installInPlace,
  manifestBeforeFiles,
  noDirectoryFsync,
  noFileFsync,
  namesFromPidAndSecond,
  plantedLinkFollowed,
  fullDiskOverlooked,
  cleanUpIgnoresLeases,
  leasesListedOnce,
  markNotLookedAt,
];
