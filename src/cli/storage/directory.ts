/**
 * The directory of the host that units share: made and marked so that nobody but root gets at it, and never something
 * that serves another purpose. Every step is below a descriptor and follows no link.
 */

import { parse, resolve } from "node:path/posix";
import { UserError } from "../../errors.ts";
import type { Dir, Ports, Stat } from "../../ports.ts";
import { errno } from "../../store/errors.ts";
import { orNull, using, writeNew } from "../../store/files.ts";
import { APPLICATIONS, MARKER, STORE_FILE } from "../../store/layout.ts";

/** Places that are the system's, are emptied at a start, or are people's own. */
const NOT_THERE = /^\/(?:bin|boot|dev|etc|home|lib\w*|proc|root|run|sbin|sys|tmp|usr)(?:\/|$)/;

export interface Prepared {
  /** What was done to it, in words; empty if it was as it should be. */
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Makes the directory (0755, below a directory of root's alone, 0700) or finds it fit, and marks it.
 * @param path absolute
 * @param strangerIn of the names in `apps/`, the first of an application that must not be there
 * @throws UserError if it must not be used, with the reason
 */
export async function prepareDirectory(
  ports: Pick<Ports, "fs">,
  path: string,
  strangerIn: (files: readonly string[]) => string | undefined,
): Promise<Prepared> {
  const changes: string[] = [];
  const warnings: string[] = [];
  const steps = stepsOf(path);
  let parent = await ports.fs.openDirectory("/");
  try {
    for (const [i, name] of steps.entries()) {
      const last = i === steps.length - 1;
      const child = await enter(parent, name, `/${steps.slice(0, i + 1).join("/")}`, last, changes);
      if (last) warnings.push(...(await makeFit(parent, child, path, strangerIn, changes)));
      await parent.close();
      parent = child;
    }
  } finally {
    await parent.close();
  }
  return { changes, warnings };
}

/** @throws UserError for a place where no store should be */
function stepsOf(path: string): string[] {
  const steps = path.split("/").filter((step) => step !== "");
  if (resolve(path) !== path || !path.startsWith("/"))
    throw new UserError(`${path} is not a plain absolute path`, `Give ${resolve("/", path)}`);
  if (steps.length < 2 || NOT_THERE.test(path))
    throw new UserError(`${path || "/"} is no place for a shared directory`, "Use one like /srv/concourse/store");
  return steps;
}

/** The next directory, made if it is missing. Whoever could rename or replace it could put another one in its place. */
async function enter(parent: Dir, name: string, path: string, last: boolean, changes: string[]): Promise<Dir> {
  if ((await orNull("ENOENT", parent.lstat(name))) === null) {
    if (last) await refuseOpen(parent, path);
    await make(parent, name, last ? 0o755 : 0o700);
    changes.push(`made ${path}`);
  }
  const child = await parent.openDirectory(name).catch((error: unknown) => {
    if (!["ENOTDIR", "ELOOP"].includes(errno(error))) throw error;
    throw new UserError(`${path} is a link or no directory`, "Give the path without links: realpath shows it");
  });
  const stat = await child.stat();
  if (stat.uid === 0 && !(writableByOthers(stat) && (last || !sticky(stat)))) return child;
  await child.close();
  const how = stat.uid === 0 ? `chmod go-w ${path}` : `chown root: ${path}`;
  throw new UserError(`${path} can be changed by others than root`, `Choose another place, or: ${how}`);
}

async function make(parent: Dir, name: string, mode: number): Promise<void> {
  await orNull("EEXIST", parent.makeDirectory(name, mode));
  // Whatever the umask made of it.
  await parent.chmod(name, mode);
}

/** A new store is root's alone. */
async function refuseOpen(parent: Dir, path: string): Promise<void> {
  if (isPrivate(await parent.stat())) return;
  const outer = parse(path).dir;
  throw new UserError(
    `everybody on this host can enter ${outer}, and a shared directory is root's alone`,
    `Give ${path}/store, or: chmod 0700 ${outer}`,
  );
}

const writableByOthers = ({ mode }: Stat): boolean => (mode & 0o022) !== 0;
/** As /var/tmp: in it nobody can replace what is root's. */
const sticky = ({ mode }: Stat): boolean => (mode & 0o1000) !== 0;
const isPrivate = ({ mode }: Stat): boolean => (mode & 0o077) === 0;

/** @returns warnings */
async function makeFit(
  parent: Dir,
  directory: Dir,
  path: string,
  strangerIn: (files: readonly string[]) => string | undefined,
  changes: string[],
): Promise<string[]> {
  const marker = await orNull("ENOENT", directory.lstat(MARKER));
  if (marker !== null) {
    if (marker.kind !== "file") throw new UserError(`${path}/${MARKER} is no file`, `Look at it: ls -l ${path}`);
    await refuseOthers(directory, path, strangerIn);
    const outer = parse(path).dir;
    return isPrivate(await parent.stat()) ? [] : [`everybody on this host can enter ${outer}: chmod 0700 ${outer}`];
  }
  const [first] = await directory.list();
  if (first !== undefined)
    throw new UserError(
      `${path} is not empty (${first}) and not marked as a shared directory`,
      (await orNull("ENOENT", directory.lstat(STORE_FILE))) === null
        ? "Give another one"
        : `If it is a store that lost its mark: touch ${path}/${MARKER}`,
    );
  await refuseOpen(parent, path);
  await writeNew(directory, MARKER, "", 0o644);
  await directory.sync();
  changes.push(`marked ${path}`);
  return [];
}

/** A store belongs to the applications in `apps/`. */
async function refuseOthers(
  directory: Dir,
  path: string,
  strangerIn: (files: readonly string[]) => string | undefined,
): Promise<void> {
  const stranger = strangerIn(await withoutPlanted(path, () => applicationFiles(directory)));
  if (stranger === undefined) return;
  const file = `${path}/${APPLICATIONS}/${stranger}`;
  throw new UserError(
    `${path} is the store of another application (${stranger.replace(/\.json$/, "")})`,
    `Relate the two, or give another directory; if that application is gone: rm ${file}`,
  );
}

/** Names in `apps/`; none if there is no such directory. */
export async function applicationFiles(directory: Dir): Promise<string[]> {
  const apps = await orNull("ENOENT", directory.openDirectory(APPLICATIONS));
  const names = apps === null ? [] : await using(apps, () => apps.list());
  return names.filter((name) => name.endsWith(".json"));
}

/** @throws UserError in place of what the system says of a link, or of something that is not of its kind */
export async function withoutPlanted<Result>(directory: string, look: () => Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (error) {
    if (!["ENOTDIR", "ELOOP", "ENOTREG"].includes(errno(error))) throw error;
    throw new UserError(
      `something in ${directory} is a link, or not what its name says`,
      `Look at it: ls -lR ${directory}`,
    );
  }
}
