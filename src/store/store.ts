import { basename, dirname } from "node:path/posix";
import type { Problem, StoreState } from "../agent/contract.ts";
import type { Dir, Mount, Ports } from "../ports.ts";
import { blocked, errno, fileProblem, waiting } from "./errors.ts";
import { discard, ensureDirectory, orNull, parseJson, readSmall, removeTree, using, writeNew } from "./files.ts";
import * as layout from "./layout.ts";
import type { Opened, Store, StoreOrders } from "./types.ts";

type Needs = Pick<Ports, "fs" | "random">;

/** Why a store cannot be used, thrown among the functions of this file only. */
class Unusable extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** What was found out before something was wrong. */
interface Findings {
  mounted: boolean;
  id: string | null;
  writable: boolean;
}

/**
 * Finds the store that the orders name, pins it, and makes what is missing in it. Whatever an operator can cause is in
 * `state.problem`; it throws only for faults of ours. At rest it writes nothing.
 *
 * @param last what it found the time before: a store known to be writable is not probed by writing again
 */
export async function openStore(ports: Needs, orders: StoreOrders, last: StoreState | null = null): Promise<Opened> {
  const findings: Findings = { mounted: false, id: null, writable: false };
  let root: Dir | null = null;
  try {
    root = await openRoot(ports, orders);
    const mount = await mountOf(ports, orders, root);
    findings.mounted = true;
    await refusePlanted(root, orders);
    findings.writable = !(mount?.readOnly ?? false) && (await canWrite(ports, orders, root, last));
    const id = await identify(ports, orders, root, findings);
    await checkApplications(ports, orders, root, findings.writable);
    if (findings.writable) {
      await makeDirectories(root);
    }
    return { state: { ...findings, problem: null }, store: storeOf(root, id, findings.writable, orders) };
  } catch (error) {
    await root?.close();
    return { state: { ...findings, problem: problemOf(error, orders) }, store: null };
  }
}

function storeOf(root: Dir, id: string, writable: boolean, orders: StoreOrders): Store {
  return { root, path: orders.path, id, writable, orders, close: () => root.close() };
}

function problemOf(error: unknown, orders: StoreOrders): Problem {
  if (error instanceof Unusable) {
    return error.problem;
  }
  if (errno(error) === "") {
    throw error;
  }
  return fileProblem(error, orders.path, "");
}

async function openRoot(ports: Needs, orders: StoreOrders): Promise<Dir> {
  if (orders.kind === "private") {
    await orNull(
      "EEXIST",
      using(await ports.fs.openDirectory(dirname(orders.path)), (above) =>
        above.makeDirectory(basename(orders.path), 0o755),
      ),
    );
  }
  const root = await orNull("ENOENT", ports.fs.openDirectory(orders.path));
  if (root === null) {
    throw new Unusable(notMounted(orders));
  }
  return root;
}

function notMounted({ path }: StoreOrders): Problem {
  return blocked("not-mounted", `Waiting for shared storage mount at ${path}: attach the directory to this machine`);
}

/** The mount that the pinned directory is the root of; null for a private store, which needs none. */
async function mountOf(ports: Needs, orders: StoreOrders, root: Dir): Promise<Mount | null> {
  if (orders.kind === "private") {
    return null;
  }
  const id = await root.mountId();
  const mount = (await ports.fs.mounts()).find((candidate) => candidate.id === id && candidate.point === orders.path);
  if (mount === undefined) {
    throw new Unusable(notMounted(orders));
  }
  if ((await orNull("ENOENT", root.lstat(layout.MARKER))) === null) {
    const file = `${orders.path}/${layout.MARKER}`;
    throw new Unusable(blocked("no-marker", `The mount has no marker; if it is the right directory: touch ${file}`));
  }
  return mount;
}

/** What bears one of our names has to be of our kind: whoever opens the store would otherwise go astray, or hang. */
async function refusePlanted(root: Dir, orders: StoreOrders): Promise<void> {
  const kinds = [
    ...layout.DIRECTORIES.map((name) => ({ name, kind: "directory" })),
    ...[layout.MARKER, layout.LOCK, layout.STORE_FILE, layout.INSTALLED_VERSION].map((name) => ({
      name,
      kind: "file",
    })),
  ];
  for (const { name, kind } of kinds) {
    const stat = await orNull("ENOENT", root.lstat(name));
    if (stat !== null && stat.kind !== kind) {
      const file = `${orders.path}/${name}`;
      throw new Unusable(blocked("planted", `${file} is not a ${kind}: look at it and remove it (ls -l ${file})`));
    }
  }
}

/** Tries it with a name that nobody else has. */
async function canWrite(ports: Needs, orders: StoreOrders, root: Dir, last: StoreState | null): Promise<boolean> {
  if (last?.writable === true && last.id !== null && (await readId(root)) === last.id) {
    return true;
  }
  const name = `.probe.${orders.member}.${ports.random.uuid()}`;
  try {
    const file = await root.createFile(name, 0o600);
    await file.close();
    await root.unlink(name);
    return true;
  } catch (error) {
    if (["EROFS", "EACCES", "EPERM"].includes(errno(error))) {
      return false;
    }
    throw error;
  }
}

/** The store's id, made if this unit may make it. */
async function identify(ports: Needs, orders: StoreOrders, root: Dir, findings: Findings): Promise<string> {
  findings.id = await readId(root);
  if (findings.id === null) {
    await refuseLostId(orders, root);
    if (!findings.writable || !(orders.mayCreate || orders.kind === "private")) {
      throw new Unusable(
        waiting("store-new", `The store at ${orders.path} is new: waiting for the leader to set it up`),
      );
    }
    findings.id = await createId(ports, orders, root);
  }
  if (orders.kind === "mount" && orders.id !== null && findings.id !== orders.id) {
    throw new Unusable(otherStore(orders));
  }
  return findings.id;
}

function otherStore({ path }: StoreOrders): Problem {
  return blocked("other-store", `Another store is mounted at ${path}: mount the right one, or run action adopt-store`);
}

/** A store that had an id is never given a new one in silence. */
async function refuseLostId(orders: StoreOrders, root: Dir): Promise<void> {
  if (orders.kind === "mount" && orders.id !== null) {
    throw new Unusable(otherStore(orders));
  }
  const releases = await orNull("ENOENT", root.openDirectory(layout.RELEASES));
  const names = releases === null ? [] : await using(releases, () => releases.list());
  if (names.some((name) => layout.parseReleaseName(name) !== null)) {
    throw new Unusable(
      blocked("id-lost", `${orders.path}/store.json is gone or unreadable: restore it, or empty the store`),
    );
  }
}

async function readId(root: Dir): Promise<string | null> {
  const text = await readSmall(root, layout.STORE_FILE);
  const value = text === null ? null : parseJson(text);
  const id =
    typeof value === "object" && value !== null && "schema" in value && value.schema === 1 && "id" in value
      ? value.id
      : null;
  return typeof id === "string" && /^[0-9a-f-]{36}$/.test(id) ? id : null;
}

/** By a link, which fails if the name is there: of several leaders the first one wins, and all read the same id. */
async function createId(ports: Needs, orders: StoreOrders, root: Dir): Promise<string> {
  const temporary = `.${layout.STORE_FILE}.${orders.member}.${ports.random.uuid()}`;
  await writeNew(root, temporary, `${JSON.stringify({ schema: 1, id: ports.random.uuid() })}\n`, 0o644);
  try {
    await orNull("EEXIST", root.link(temporary, root, layout.STORE_FILE));
  } finally {
    await discard(root, temporary);
  }
  await root.sync();
  const id = await readId(root);
  if (id === null) {
    throw new Unusable(blocked("id-lost", `${orders.path}/${layout.STORE_FILE} is damaged: restore it, or remove it`));
  }
  return id;
}

/** A store belongs to the applications in `apps/`. Who comes later has to be related to all that are there. */
async function checkApplications(ports: Needs, orders: StoreOrders, root: Dir, writable: boolean): Promise<void> {
  const own = layout.applicationFile(orders.application);
  const directory = writable
    ? await ensureDirectory(root, layout.APPLICATIONS)
    : await orNull("ENOENT", root.openDirectory(layout.APPLICATIONS));
  if (directory === null) {
    return;
  }
  await using(directory, async () => {
    const names = (await directory.list()).filter((name) => name.endsWith(".json") && !name.startsWith("."));
    if (names.includes(own)) {
      return;
    }
    const allowed = new Set([own, ...orders.related.map(layout.applicationFile)]);
    const foreign = names.find((name) => !allowed.has(name));
    if (foreign !== undefined) {
      const file = `${orders.path}/${layout.APPLICATIONS}/${foreign}`;
      throw new Unusable(
        blocked("foreign-store", `Store of another application: integrate with it or, if it is gone, rm ${file}`),
      );
    }
    if (writable) {
      await register(ports, orders, directory, own);
    }
  });
}

async function register(ports: Needs, orders: StoreOrders, directory: Dir, own: string): Promise<void> {
  const temporary = `.${orders.member}.${ports.random.uuid()}`;
  await writeNew(directory, temporary, `${JSON.stringify({ schema: 1, application: orders.application })}\n`, 0o644);
  await directory.rename(temporary, directory, own);
  await directory.sync();
}

/** Takes an application off the list, when its last unit goes: then another one may use the store. */
export async function unregister(store: Store): Promise<void> {
  await using(await ensureDirectory(store.root, layout.APPLICATIONS), async (directory) => {
    await orNull("ENOENT", directory.unlink(layout.applicationFile(store.orders.application)));
    await directory.sync();
  });
}

async function makeDirectories(root: Dir): Promise<void> {
  for (const name of layout.DIRECTORIES) {
    await using(await ensureDirectory(root, name), async () => undefined);
  }
}

/** Removes what an earlier life of this unit left in `staging/`. There is one agent a unit, so nobody uses it. */
export async function sweepOwn(store: Store): Promise<void> {
  await using(await ensureDirectory(store.root, layout.STAGING), async (staging) => {
    for (const name of await staging.list()) {
      if (layout.stagingMember(name) === store.orders.member) {
        await removeTree(staging, name);
      }
    }
  });
}
