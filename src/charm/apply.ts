import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  AGENT_DIRECTORY,
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  WORKER_KEY_FILE,
} from "../agent/contract.ts";
import { AGENT_SERVICE, DIRECTORIES, INSTALL_DIRECTORY, USER, WEB_SERVICE } from "../concourse/services.ts";
import { WORK_DIRECTORY } from "../concourse/settings.ts";
import { forgetWorker } from "../concourse/worker-service.ts";
import { memberName, type Facts } from "./facts.ts";
import { clearMachine, giveUpLease } from "./leave.ts";
import { linkRelease } from "./link-release.ts";
import { MEMORY, type Owner } from "./machine.ts";
import type { Step } from "./plan.ts";
import { overwriteFile, writeFile } from "./write-file.ts";

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
      for (const path of new Set(
        [AGENT_DIRECTORY, ...DIRECTORIES.map(({ path }) => path)].map((path) => dirname(path)),
      ))
        await syncPath(path);
      await run("sh", ["-c", forgetWorker, "sh", WORK_DIRECTORY]);
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
      if (step.inPlace) return overwriteFile(step.path, step.content, step.mode);
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
  for (const [from, name] of [
    ["bin/node", "node"],
    ["main.mjs", "main.mjs"],
  ] as const) {
    await copyFile(join(charmDirectory, from), join(fresh, name), constants.COPYFILE_FICLONE);
    await syncPath(join(fresh, name));
  }
  await syncPath(fresh);
  await rename(MEMORY.program, old).catch(ifAbsent);
  await rename(fresh, MEMORY.program);
  await syncPath(AGENT_DIRECTORY);
  await service(AGENT_SERVICE, "restart");
  await rm(old, { recursive: true, force: true });
}

/** A file's contents, or a directory's names, outlive a loss of power from now on. */
async function syncPath(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ifAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
