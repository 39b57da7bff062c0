/** Wrappers around a unit's files: every handle that comes from them is wrapped as well. */
import type { Dir, File, Fs } from "../../src/ports.ts";

/** Replaces methods of directories; `inner` is what would have happened. */
export interface DirChange {
  (inner: Dir, path: string): Partial<Dir>;
}

/** Replaces methods of files. */
export interface FileChange {
  (inner: File, path: string): Partial<File>;
}

/** Wrapped directories by what they wrap: a rename to another directory needs the inner one. */
const insides = new WeakMap<Dir, Dir>();
export const insideOf = (dir: Dir): Dir => insides.get(dir) ?? dir;

export function changedFs(fs: Fs, changes: { readonly dir?: DirChange; readonly file?: FileChange }): Fs {
  const wrapFile = (inner: File, path: string): File => ({ ...boundFile(inner), ...changes.file?.(inner, path) });
  const wrap = (inner: Dir, path: string): Dir => {
    const below = (name: string): string => `${path}/${name}`;
    const dir: Dir = {
      ...boundDir(inner),
      link: (name, to, toName) => inner.link(name, insideOf(to), toName),
      rename: (name, to, toName) => inner.rename(name, insideOf(to), toName),
      ...changes.dir?.(inner, path),
    };
    const { openDirectory, openFile, createFile } = dir;
    const wrapped: Dir = {
      ...dir,
      openDirectory: async (name) => wrap(insideOf(await openDirectory(name)), below(name)),
      openFile: async (name, access) => wrapFile(await openFile(name, access), below(name)),
      createFile: async (name, mode) => wrapFile(await createFile(name, mode), below(name)),
    };
    insides.set(wrapped, inner);
    return wrapped;
  };
  return { mounts: () => fs.mounts(), openDirectory: async (path) => wrap(await fs.openDirectory(path), path) };
}

function boundDir(dir: Dir): Dir {
  return {
    openDirectory: (name) => dir.openDirectory(name),
    makeDirectory: (name, mode) => dir.makeDirectory(name, mode),
    removeDirectory: (name) => dir.removeDirectory(name),
    openFile: (name, access) => dir.openFile(name, access),
    createFile: (name, mode) => dir.createFile(name, mode),
    link: (name, to, toName) => dir.link(name, to, toName),
    symlink: (target, name) => dir.symlink(target, name),
    readlink: (name) => dir.readlink(name),
    unlink: (name) => dir.unlink(name),
    rename: (name, to, toName) => dir.rename(name, to, toName),
    chmod: (name, mode) => dir.chmod(name, mode),
    lstat: (name) => dir.lstat(name),
    list: () => dir.list(),
    stat: () => dir.stat(),
    mountId: () => dir.mountId(),
    space: () => dir.space(),
    sync: () => dir.sync(),
    close: () => dir.close(),
  };
}

function boundFile(file: File): File {
  return {
    read: (into, position) => file.read(into, position),
    write: (chunks, position) => file.write(chunks, position),
    truncate: (length) => file.truncate(length),
    chmod: (mode) => file.chmod(mode),
    stat: () => file.stat(),
    sync: () => file.sync(),
    syncData: () => file.syncData(),
    close: () => file.close(),
  };
}
