import { basename, dirname } from "node:path/posix";
import type { Problem, StoreState } from "../agent/contract.ts";
import type { Dir, Mount, Ports } from "../ports.ts";
import { blocked, errno, fileProblem, waiting } from "./errors.ts";
import { ensureDirectory, orNull, parseJson, readSmall, using, writeNew } from "./files.ts";
import * as layout from "./layout.ts";
import { join, refuseForeignStore } from "./membership.ts";
import { viaStaging } from "./temporary.ts";
import type { Opened, Store, StoreOrders } from "./types.ts";
import { Unusable } from "./unusable.ts";

type Needs = Pick<Ports, "fs" | "random">;

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
    findings.id = await readId(root);
    findings.id = await expectedId(orders, root, findings.id);
    const registered = await refuseForeignStore(orders, root);
    findings.writable = !(mount?.readOnly ?? false) && (await canWrite(ports, orders, root, last));
    const id = findings.id ?? (await createId(ports, orders, root, findings.writable));
    findings.id = id;
    if (findings.writable) {
      await makeDirectories(root);
      if (!registered) {
        await join(ports, orders, root);
      }
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
  const marked = (await orNull("ENOENT", root.lstat(layout.MARKER))) !== null;
  if (orders.kind === "private") {
    // Whoever put the marker there means the directory to be shared: a unit that takes it for its own would clear it.
    if (marked) {
      throw new Unusable(
        blocked("shared-directory", `${orders.path} is a shared directory: set shared-storage=lxc, or detach it`),
      );
    }
    return null;
  }
  const id = await root.mountId();
  const mount = (await ports.fs.mounts()).find((candidate) => candidate.id === id && candidate.point === orders.path);
  if (mount === undefined) {
    throw new Unusable(notMounted(orders));
  }
  if (!marked) {
    const file = `${orders.path}/${layout.MARKER}`;
    throw new Unusable(blocked("no-marker", `The mount has no marker; if it is the right directory: touch ${file}`));
  }
  return mount;
}

/** What bears one of our names has to be of our kind: whoever opens the store would otherwise go astray, or hang. */
async function refusePlanted(root: Dir, orders: StoreOrders): Promise<void> {
  for (const { name, kind } of layout.FIXED_NAMES) {
    const found = await orNull("ENOENT", root.lstat(name));
    const file = `${orders.path}/${name}`;
    if (found !== null && found.kind !== kind) {
      throw new Unusable(blocked("planted", `${file} is not a ${kind}: look at it and remove it (ls -l ${file})`));
    }
    if (found?.kind === "link" && !layout.isBinTarget(await root.readlink(name))) {
      throw new Unusable(blocked("planted", `${file} leads to no release: look at it and remove it (ls -l ${file})`));
    }
  }
}

/** Tries it with a name that nobody else has; not again where that went well the time before. */
async function canWrite(ports: Needs, orders: StoreOrders, root: Dir, last: StoreState | null): Promise<boolean> {
  if (last?.writable === true && last.id !== null && (await readId(root)) === last.id) {
    return true;
  }
  try {
    await viaStaging(ports, { root, orders }, async (staging, name) => (await staging.createFile(name, 0o600)).close());
    return true;
  } catch (error) {
    if (["EROFS", "EACCES", "EPERM"].includes(errno(error))) {
      return false;
    }
    throw error;
  }
}

function otherStore({ path }: StoreOrders): Problem {
  return blocked("other-store", `Another store is mounted at ${path}: mount the right one, or run action adopt-store`);
}

/**
 * The store's id, `id` as it was read; null if it has none yet. It must be the one that the application has agreed on, and a store that had
 * an id is never given a new one.
 */
async function expectedId(orders: StoreOrders, root: Dir, id: string | null): Promise<string | null> {
  if (orders.kind === "mount" && orders.id !== null && id !== orders.id) {
    throw new Unusable(otherStore(orders));
  }
  if (id !== null) {
    return id;
  }
  const releases = await orNull("ENOENT", root.openDirectory(layout.RELEASES));
  const names = releases === null ? [] : await using(releases, () => releases.list());
  if (!names.some((name) => layout.parseReleaseName(name) !== null)) {
    return null;
  }
  // Someone else may have set it up and published a release since.
  const late = await readId(root);
  if (late === null) {
    throw new Unusable(
      blocked("id-lost", `${orders.path}/store.json is gone or unreadable: restore it, or empty the store`),
    );
  }
  return late;
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
async function createId(ports: Needs, orders: StoreOrders, root: Dir, writable: boolean): Promise<string> {
  if (!writable || !(orders.mayCreate || orders.kind === "private")) {
    throw new Unusable(
      waiting("store-new", `The store at ${orders.path} is new: waiting for a unit that may write to it`),
    );
  }
  await viaStaging(ports, { root, orders }, async (staging, temporary) => {
    await writeNew(staging, temporary, `${JSON.stringify({ schema: 1, id: ports.random.uuid() })}\n`, 0o644);
    await orNull("EEXIST", staging.link(temporary, root, layout.STORE_FILE));
    await root.sync();
  });
  const id = await readId(root);
  if (id === null) {
    throw new Unusable(blocked("id-lost", `${orders.path}/${layout.STORE_FILE} is damaged: restore it, or remove it`));
  }
  return id;
}

async function makeDirectories(root: Dir): Promise<void> {
  for (const name of layout.DIRECTORIES) {
    await using(await ensureDirectory(root, name), async () => undefined);
  }
}
