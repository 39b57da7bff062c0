/** A stand-in cluster on the loopback interface: PostgreSQL, webs and workers as real processes. For tests. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Loopback, freePort, type Credentials } from "../../src/model/plugins/postgresql/loopback.ts";

type Config = Parameters<typeof Loopback.start>[0];
type Environment = Readonly<Record<string, string>>;

/** A running `concourse`. */
export interface Process {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything printed so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface ListedWorker {
  readonly name: string;
  readonly state: string;
  readonly version: string;
  readonly tags: readonly string[] | null;
  readonly resource_types: readonly { readonly type: string; readonly image: string }[] | null;
}

const LIMIT_MS = 30_000;

/** Waits for a condition; the error names it. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | null | false> | T | null | false,
): Promise<T> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== false) return value;
    if (performance.now() > end) throw new Error(`timed out: ${what}`);
    await delay(50);
  }
}

export class Cluster {
  readonly directory: string;
  readonly database: Loopback;
  readonly credentials: Credentials;
  readonly port: number;
  readonly tsaPort: number;
  /** argv of the program; tests replace it to run another version. */
  command: readonly string[];
  readonly #processes: Process[] = [];

  private constructor(
    directory: string,
    database: Loopback,
    credentials: Credentials,
    ports: readonly [number, number],
    command: readonly string[],
  ) {
    this.directory = directory;
    this.database = database;
    this.credentials = credentials;
    [this.port, this.tsaPort] = ports;
    this.command = command;
  }

  /** `config`: options of the PostgreSQL plug-in. */
  static async start(command: readonly string[], config: Config = {}): Promise<Cluster> {
    const database = await Loopback.start(config);
    const directory = await mkdtemp(join(tmpdir(), "stand-in-cluster-"));
    const credentials = await database.relate(1, "concourse");
    const cluster = new Cluster(directory, database, credentials, [await freePort(), await freePort()], command);
    for (const name of ["tsa", "session", "worker"]) {
      const made = cluster.run(["generate-key", "-t", "ssh", "-b", "2048", "-f", cluster.file(name)]);
      if ((await made.ended) !== 0) throw new Error(made.output().stderr);
    }
    return cluster;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(this.file(name), text);
  }

  run(args: readonly string[], environment: Environment = {}): Process {
    const [program = "", ...words] = this.command;
    const child = spawn(program, [...words, ...args], {
      cwd: this.directory,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (piece: Buffer) => (output.stdout += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => (output.stderr += piece.toString()));
    const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
    const started: Process = { child, pid: child.pid ?? 0, output: () => output, ended };
    this.#processes.push(started);
    return started;
  }

  /** What a command that must fail says on standard error. */
  async refusal(args: readonly string[], environment: Environment): Promise<string> {
    const process = this.run(args, environment);
    const code = await process.ended;
    if (code !== 1) throw new Error(`ended with ${code} instead of 1`);
    return process.output().stderr;
  }

  webEnvironment(): Environment {
    const { user, password, database, host, port } = this.credentials;
    return {
      CONCOURSE_BIND_IP: "127.0.0.1",
      CONCOURSE_BIND_PORT: String(this.port),
      CONCOURSE_TSA_BIND_IP: "127.0.0.1",
      CONCOURSE_TSA_BIND_PORT: String(this.tsaPort),
      CONCOURSE_DEBUG_BIND_PORT: "0",
      CONCOURSE_TSA_HOST_KEY: this.file("tsa"),
      CONCOURSE_SESSION_SIGNING_KEY: this.file("session"),
      CONCOURSE_TSA_AUTHORIZED_KEYS: this.file("worker.pub"),
      CONCOURSE_POSTGRES_HOST: host,
      CONCOURSE_POSTGRES_PORT: String(port),
      CONCOURSE_POSTGRES_USER: user,
      CONCOURSE_POSTGRES_PASSWORD: password,
      CONCOURSE_POSTGRES_DATABASE: database,
      CONCOURSE_ADD_LOCAL_USER: "admin:secret",
      CONCOURSE_MAIN_TEAM_LOCAL_USER: "admin",
      CONCOURSE_EXTERNAL_URL: `http://127.0.0.1:${this.port}/`,
      CONCOURSE_CLUSTER_NAME: "acme",
      // As short as they go, so that states change while a test looks.
      CONCOURSE_TSA_HEARTBEAT_INTERVAL: "1s",
      CONCOURSE_GC_INTERVAL: "500ms",
    };
  }

  /** Resolves when the API answers. */
  async web(environment: Environment = {}): Promise<Process> {
    const web = this.run(["web"], { ...this.webEnvironment(), ...environment });
    await until("the web answers", async () => {
      if (web.child.exitCode !== null) throw new Error(`the web ended: ${web.output().stderr}`);
      return (await this.info()) !== null;
    });
    return web;
  }

  async worker(name: string, environment: Environment = {}): Promise<Process> {
    return this.run(["worker"], {
      CONCOURSE_NAME: name,
      CONCOURSE_WORK_DIR: this.file(name),
      CONCOURSE_TSA_HOST: `127.0.0.1:${this.tsaPort}`,
      CONCOURSE_TSA_PUBLIC_KEY: this.file("tsa.pub"),
      CONCOURSE_TSA_WORKER_PRIVATE_KEY: this.file("worker"),
      CONCOURSE_BIND_PORT: String(await freePort()),
      CONCOURSE_DEBUG_BIND_PORT: "0",
      CONCOURSE_BAGGAGECLAIM_BIND_PORT: String(await freePort()),
      CONCOURSE_BAGGAGECLAIM_DEBUG_BIND_PORT: "0",
      CONCOURSE_HEALTHCHECK_BIND_IP: "127.0.0.1",
      CONCOURSE_HEALTHCHECK_BIND_PORT: String(await freePort()),
      ...environment,
    });
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      ...init,
      headers: { connection: "close", ...(init.headers as Record<string, string> | undefined) },
    });
  }

  async info(): Promise<Record<string, unknown> | null> {
    try {
      return (await (await this.request("/api/v1/info")).json()) as Record<string, unknown>;
    } catch {
      return null;
    }
  }

  login(username: string, password: string): Promise<Response> {
    const scope = "openid profile email federated:id groups";
    return this.request("/sky/issuer/token", {
      method: "POST",
      headers: { authorization: `Basic ${Buffer.from("fly:Zmx5").toString("base64")}` },
      body: new URLSearchParams({ grant_type: "password", username, password, scope }),
    });
  }

  async token(): Promise<string> {
    return ((await (await this.login("admin", "secret")).json()) as { access_token: string }).access_token;
  }

  async authorized(path: string, method = "GET", body?: string): Promise<Response> {
    const headers = { authorization: `Bearer ${await this.token()}` };
    return this.request(path, { method, headers, ...(body !== undefined && { body }) });
  }

  async workers(): Promise<ListedWorker[]> {
    return (await (await this.authorized("/api/v1/workers")).json()) as ListedWorker[];
  }

  /** Waits until the worker is in this state; null = not listed. */
  async state(name: string, wanted: string | null): Promise<void> {
    await until(`worker ${name} is ${wanted ?? "gone"}`, async () => {
      const worker = (await this.workers()).find((candidate) => candidate.name === name);
      return (worker?.state ?? null) === wanted;
    });
  }

  async endAll(): Promise<void> {
    for (const { child } of this.#processes)
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await Promise.all(this.#processes.splice(0).map(({ ended }) => ended));
  }

  async destroy(): Promise<void> {
    await this.endAll();
    await this.database.destroy();
    await rm(this.directory, { recursive: true, force: true });
  }
}
