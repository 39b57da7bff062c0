import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  AGENT_DIRECTORY,
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  WORKER_KEY_FILE,
} from "../agent/contract.ts";
import {
  AGENT_SERVICE,
  CURRENT_RELEASE,
  DIRECTORIES,
  INSTALL_DIRECTORY,
  USER,
  WEB_SERVICE,
} from "../concourse/services.ts";
import {
  BIN,
  CONFIG,
  DIRECTORIES as STORE_DIRECTORIES,
  INSTALLED_VERSION,
  KEYS,
  LOCK,
  MARKER,
  STORE_FILE,
} from "../store/layout.ts";
import { whyNotYet } from "../store/adopt.ts";
import { replaceLink, using } from "../store/files.ts";
import { hostFs } from "../host/fs.ts";
import { applicationName, memberName, type Facts } from "./facts.ts";
import { MEMORY, type Owner } from "./machine.ts";
import { STORE_PATH } from "./orders.ts";
import { NotYet, type Step } from "./plan.ts";

/**
 * Does one step. Each can be done again: a hook that dies in the middle is run anew from the top.
 *
 * @throws NotYet
 */
export async function apply(step: Step, facts: Facts): Promise<void> {
  const { environment } = facts;
  switch (step.do) {
    case "claim-machine": {
      const owner: Owner = {
        unit: environment.unit,
        modelUuid: environment.modelUuid,
        charmDirectory: environment.charmDirectory,
      };
      await mkdir(AGENT_DIRECTORY, { recursive: true, mode: 0o700 });
      for (const { path, mode } of DIRECTORIES) await mkdir(path, { recursive: true, mode });
      // What another unit left here is not ours to go by.
      for (const path of [ORDERS_FILE, STATE_FILE, NEW_CLUSTER_SECRET_FILE, MEMORY.followed, WORKER_KEY_FILE])
        await rm(path, { force: true });
      return writeFile(MEMORY.owner, JSON.stringify(owner), 0o600);
    }
    case "create-user":
      return createUser();
    case "follow":
      return writeFile(
        MEMORY.followed,
        JSON.stringify({ unit: environment.unit, modelUuid: environment.modelUuid, cluster: step.cluster }),
        0o600,
      );
    case "install-agent":
      return installAgent(environment.charmDirectory);
    case "write":
      return writeFile(step.path, step.content, step.mode, step.owner === USER ? await userId() : undefined);
    case "remove":
      return rm(step.path, { force: true });
    case "link-release":
      return linkRelease(step.name, step.manifestSha256, memberName(environment));
    case "reload-units":
      return systemctl("daemon-reload");
    case "service":
      return service(step.service, step.verb);
    case "mark-reload":
      return writeFile(MEMORY.reloadPending, "", 0o600);
    case "reload-keys":
      await systemctl("kill", "--kill-who=main", "--signal=HUP", WEB_SERVICE);
      return rm(MEMORY.reloadPending, { force: true });
    case "order":
      return writeFile(ORDERS_FILE, JSON.stringify(step.orders), 0o600);
    case "heed":
      return step.web === null
        ? rm(MEMORY.heeds, { force: true })
        : writeFile(MEMORY.heeds, `${environment.unit} ${step.web}\n`, 0o600);
    case "give-up-lease":
      return giveUpLease(facts, step.last);
    case "clear-machine":
      return clearMachine(facts);
  }
}

const run = promisify(execFile);

async function systemctl(...argv: string[]): Promise<void> {
  await run("systemctl", argv);
}

async function service(name: string, verb: "start" | "restart" | "stop" | "end"): Promise<void> {
  switch (verb) {
    case "start":
      return systemctl("enable", "--now", "--no-block", "--quiet", name);
    case "restart":
      await systemctl("enable", "--quiet", name);
      return systemctl("restart", "--no-block", name);
    case "stop":
      return systemctl("disable", "--now", "--no-block", "--quiet", name);
    case "end":
      return systemctl("disable", "--now", "--quiet", name);
  }
}

/** A file is there whole or not at all, and never readable by more than it should be, not even for a moment. */
export async function writeFile(
  path: string,
  content: string,
  mode: number,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const aside = `${path}.new`;
  await rm(aside, { force: true });
  const file = await open(
    aside,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    await file.chmod(mode);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
}

async function createUser(): Promise<void> {
  await run("useradd", [
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    INSTALL_DIRECTORY,
    "--shell",
    "/usr/sbin/nologin",
    USER,
  ]);
}

async function userId(): Promise<{ uid: number; gid: number }> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((entry) => entry.startsWith(`${USER}:`));
  const [, , uid, gid] = (line ?? "").split(":");
  if (!uid || !gid) throw new Error(`system user ${USER} is gone`);
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * Gives the agent its own copy of the program: a refresh of the charm writes over the files in its directory, which a
 * running program must not see (and, for a hard link, the kernel would refuse: ETXTBSY).
 */
async function installAgent(charmDirectory: string): Promise<void> {
  const [fresh, old] = [`${MEMORY.program}.new`, `${MEMORY.program}.old`];
  await Promise.all([fresh, old].map((path) => rm(path, { recursive: true, force: true })));
  await mkdir(fresh, { mode: 0o700 });
  await Promise.all([
    copyFile(join(charmDirectory, "bin/node"), join(fresh, "node"), constants.COPYFILE_FICLONE),
    copyFile(join(charmDirectory, "main.mjs"), join(fresh, "main.mjs"), constants.COPYFILE_FICLONE),
  ]);
  await rename(MEMORY.program, old).catch(ifAbsent);
  await rename(fresh, MEMORY.program);
  await service(AGENT_SERVICE, "restart");
  await rm(old, { recursive: true, force: true });
}

/** Looks at the release once more, under the lease, then lets the link jump: a reader finds the old one or the new one. */
async function linkRelease(name: string, manifestSha256: string, member: string): Promise<void> {
  // What the agent has told may be of an earlier life of its, or overtaken by whoever writes for it: the store itself counts.
  const late = await whyNotYet({ fs: hostFs }, STORE_PATH, member, name);
  if (late !== null) throw new NotYet(late);
  const release = join(STORE_PATH, "releases", name);
  const manifest = await readFile(join(release, "manifest.json"));
  if (createHash("sha256").update(manifest).digest("hex") !== manifestSha256)
    throw new Error(`${release} is not the release that was agreed on`);
  const link = basename(CURRENT_RELEASE);
  await using(await hostFs.openDirectory(dirname(CURRENT_RELEASE)), (above) =>
    replaceLink(above, link, release, `${link}.new`),
  );
}

/** The rest of the store's code is loaded only here: no other hook needs it. */
async function giveUpLease(facts: Facts, last: boolean): Promise<void> {
  const orders = facts.local.orders;
  if (!orders) return;
  const [{ hostPorts }, { openStore, unregister }, { removeLease }] = await Promise.all([
    import("../host/ports.ts"),
    import("../store/store.ts"),
    import("../store/lease.ts"),
  ]);
  const { store } = await openStore(hostPorts, { ...orders.store, mayCreate: false });
  if (!store?.writable) return;
  try {
    await removeLease(store, memberName(facts.environment));
    // The last unit takes its application's name off the store, so that another may have the directory.
    if (last) await unregister(store);
  } finally {
    await store.close();
  }
}

/** Leaves nothing but the mark that this unit has stopped; a private store goes with its unit. */
async function clearMachine(facts: Facts): Promise<void> {
  const { orders } = facts.local;
  if (orders?.store.kind === "private" && orders.store.application === applicationName(facts.environment)) {
    await clearPrivateStore();
  }
  const ours = [
    INSTALL_DIRECTORY,
    MEMORY.program,
    ORDERS_FILE,
    STATE_FILE,
    NEW_CLUSTER_SECRET_FILE,
    MEMORY.followed,
    MEMORY.reloadPending,
    MEMORY.heeds,
    MEMORY.owner,
  ];
  for (const path of ours) await rm(path, { recursive: true, force: true });
}

/** Only what is ours: a disk that was mounted there on purpose keeps everything else, and a marked one all of it. */
async function clearPrivateStore(): Promise<void> {
  if (await lstat(join(STORE_PATH, MARKER)).catch(() => null)) return;
  const files = [LOCK, INSTALLED_VERSION, STORE_FILE, BIN, CONFIG, KEYS, ...STORE_DIRECTORIES];
  for (const name of files) await rm(join(STORE_PATH, name), { recursive: true, force: true });
}

function ifAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
