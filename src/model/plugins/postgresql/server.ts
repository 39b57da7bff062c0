/**
 * One PostgreSQL server: its cluster on disk and its process. It is started in a session of its own, so it outlives us;
 * after a restart of the supervisor it is found again and left running.
 *
 *     <directory>/cluster/   everything the server sees: data, settings, certificates, socket, log; owned by its user
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, chown, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { linkLibraries, nativeDirectory } from "./binaries.ts";
import { issueCertificates } from "./certificates.ts";
import { CLUSTER, confined, PACKAGE, PASSWD, SERVER_UID } from "./confinement.ts";
import { findServer, freeze, isGone, isReady, isStopped, processesOn, sendSignal, thaw, until } from "./processes.ts";
import { accessRules, serverSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

const START_MS = 60_000;
const FAST_STOP_MS = 15_000;
const QUERY_MS = 15_000;
/** Superuser of the charm (postgresql-operator 16/edge, docs: "operator - the user that charm.py uses"). */
const SUPERUSER = "operator";

export type Sql = postgres.Sql;

export class Server {
  readonly #directory: string;
  readonly #enter: readonly string[];

  /** `directory`: absolute, kept over restarts; `enter`: words to enter the network it listens in. */
  constructor(directory: string, enter: readonly string[]) {
    this.#directory = directory;
    this.#enter = enter;
  }

  get #cluster(): string {
    return join(this.#directory, "cluster");
  }

  get #data(): string {
    return join(this.#cluster, "data");
  }

  /** Brings the server up with these settings; restarts it if it runs with others. Idempotent. */
  async start(settings: Settings): Promise<void> {
    await this.#prepare(settings.address);
    await this.#configure(settings);
    const child = (await this.pid()) === null ? await this.#spawn() : null;
    await until("Starting PostgreSQL", START_MS, async () => {
      if (child && (child.exitCode ?? child.signalCode) !== null)
        throw new Error(`PostgreSQL did not start: ${await this.#lastWords()}`);
      return (await this.pid()) !== null && isReady(this.#data);
    });
  }

  /** Ends it in PostgreSQL's fast mode: sessions are cut, data is flushed. Resolves when it is gone. Idempotent. */
  async stop(): Promise<void> {
    const pid = await this.pid();
    if (pid === null) return;
    await thaw(this.#data);
    sendSignal(pid, "SIGINT");
    try {
      await until("Stopping PostgreSQL", FAST_STOP_MS, () => isGone(pid));
    } catch {
      sendSignal(pid, "SIGQUIT");
      await until("Stopping PostgreSQL at once", FAST_STOP_MS, () => isGone(pid));
    }
  }

  async destroy(): Promise<void> {
    await this.stop();
    await rm(this.#cluster, { recursive: true, force: true });
    await rm(join(this.#directory, "server.log"), { force: true });
  }

  /** Freezes every process of the server: its port still takes connections and answers nothing. */
  async pause(): Promise<void> {
    await this.#running();
    await freeze(this.#data);
  }

  async resume(): Promise<void> {
    await this.#running();
    await thaw(this.#data);
  }

  /** Null if it does not run. */
  async pid(): Promise<number | null> {
    return findServer(this.#data);
  }

  /** True if it runs and is not frozen. */
  async answers(): Promise<boolean> {
    const pid = await this.pid();
    return pid !== null && !(await isStopped(pid)) && isReady(this.#data);
  }

  /** PEM of the CA that signed its certificate. */
  async ca(): Promise<string> {
    return readFile(join(this.#cluster, "ca.crt"), "utf8");
  }

  /** Runs `work` as superuser in `database`, over the server's socket. */
  async with<T>(database: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = postgres({
      // Through the server's own root: a path to the cluster may be too long for a socket's name (unix(7): 107 bytes).
      path: `/proc/${await this.#running()}/root${CLUSTER}/.s.PGSQL.${await this.#port()}`,
      username: SUPERUSER,
      database,
      max: 1,
      connect_timeout: 5,
      connection: { statement_timeout: QUERY_MS },
      onnotice: () => undefined,
    });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async #running(): Promise<number> {
    const pid = await this.pid();
    if (pid === null) throw new Error("PostgreSQL does not run");
    return pid;
  }

  async #port(): Promise<string> {
    const settings = await readFile(join(this.#data, "postgresql.conf"), "utf8");
    return /^port = (\d+)$/m.exec(settings)?.[1] ?? "5432";
  }

  /** Makes the cluster. `created` is written last, so one that was interrupted half-way is made anew. */
  async #prepare(address: string): Promise<void> {
    const created = join(this.#cluster, "created");
    if ((await contents(created)) !== null) return;
    await rm(this.#cluster, { recursive: true, force: true });
    await mkdir(join(this.#cluster, "view"), { recursive: true });
    await linkLibraries(nativeDirectory(), PACKAGE, join(this.#cluster, "lib"));
    await chown(this.#cluster, SERVER_UID, SERVER_UID);
    await chmod(this.#cluster, 0o700);
    const { ca, certificate, key } = issueCertificates(address, Date.now());
    await this.#write("passwd", PASSWD, 0o644);
    await this.#write("ca.crt", ca);
    await this.#write("server.crt", certificate);
    await this.#write("server.key", key);
    await this.#initialise();
    await this.#write("created", "");
  }

  /** UTF8 and checksums as the charm's initdb (templates/patroni.yml.j2); the server flushes what initdb does not. */
  async #initialise(): Promise<void> {
    const options = [
      "--encoding=UTF8",
      "--locale=C",
      "--data-checksums",
      "--auth=trust",
      "--no-sync",
      "--no-instructions",
    ];
    const child = this.#run(["initdb", "-D", `${CLUSTER}/data`, "-U", SUPERUSER, ...options]);
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`initdb failed: ${await this.#lastWords()}`);
  }

  /** Writes the settings if they differ from those on disk; before that, stops the server that runs with the old ones. */
  async #configure(settings: Settings): Promise<void> {
    const files = { "pg_hba.conf": accessRules(settings), "data/postgresql.conf": serverSettings(settings) };
    for (const [name, text] of Object.entries(files)) {
      if ((await contents(join(this.#cluster, name))) === text) continue;
      await this.stop();
      await this.#write(name, text);
    }
  }

  /** A server that was killed leaves children behind; they go by themselves, and a new one must not start before. */
  async #spawn(): Promise<ChildProcess> {
    await until(
      "The end of the last PostgreSQL",
      FAST_STOP_MS,
      async () => (await processesOn(this.#data)).length === 0,
    );
    const child = this.#run(["postgres", "-D", `${CLUSTER}/data`]);
    child.unref();
    return child;
  }

  #run(program: readonly [string, ...string[]]): ChildProcess {
    const [command = "", ...args] = confined(this.#enter, nativeDirectory(), this.#cluster, program);
    const log = openSync(join(this.#directory, "server.log"), "a", 0o600);
    try {
      return spawn(command, args, { detached: true, cwd: "/", stdio: ["ignore", log, log] });
    } finally {
      closeSync(log);
    }
  }

  async #write(name: string, text: string, mode = 0o600): Promise<void> {
    const path = join(this.#cluster, name);
    await writeFile(path, text, { mode });
    await chown(path, SERVER_UID, SERVER_UID);
  }

  /** What went wrong, from the end of the log, without dates. */
  async #lastWords(): Promise<string> {
    const log = (await contents(join(this.#directory, "server.log"))) ?? "";
    const complaints = log
      .trim()
      .split("\n")
      .slice(-8)
      .filter((line) => /could not|FATAL|error|HINT/i.test(line));
    return complaints.map((line) => line.replace(/^.* UTC \[\d+\] /, "")).join(" / ");
  }
}

/** A file's text, or null if there is none. */
async function contents(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
