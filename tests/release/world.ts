/** What rows act on: a deployment of one release, its API, its `fly`. */

import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { firstFree } from "../../src/cli/host-ports.ts";
import { APPLICATION, ARCH, deployConcourse, type Archive, type Concourse } from "../e2e/concourse.ts";
import type { Tool } from "../e2e/tool.ts";
import { Deviation } from "./row.ts";
import { Fly } from "./fly.ts";

export interface Release extends Archive {
  readonly version: string;
}

export interface WorldOptions {
  readonly release: Release;
  /** Where to go in rows that change the version. */
  readonly to?: Release;
  readonly machines: string;
  /** How often a worker is restarted where the number matters. */
  readonly restarts: number;
}

/** As the API lists it (concourse/concourse, atc/worker.go). */
export interface ListedWorker {
  readonly name: string;
  readonly state: string;
  readonly version: string;
  readonly resource_types: readonly { readonly type: string }[] | null;
}

const LOOK_EVERY = 250;

export class World {
  readonly concourse: Concourse;
  readonly options: WorldOptions;
  /** Of the web, from this host. */
  readonly url: string;
  readonly #password: string;
  readonly #flies = new Map<string, Promise<Fly>>();
  #token = "";

  private constructor(concourse: Concourse, options: WorldOptions, url: string, password: string) {
    this.concourse = concourse;
    this.options = options;
    this.url = url;
    this.#password = password;
  }

  /** Three units of the release, all of them ready. `tool` has no model yet; `Tool.remove` removes everything. */
  static async open(tool: Tool, options: WorldOptions): Promise<World> {
    const { release, to, machines } = options;
    const concourse = await deployConcourse(tool, { archive: release, version: release.version, machines });
    if (to !== undefined) await concourse.serveAll([release, to]);
    const port = await firstFree(18_080);
    await tool.ok("expose", "-m", tool.model, APPLICATION, "--host-port", `${port}:8080`);
    await concourse.ready();
    const answer = await concourse.act(`${APPLICATION}/leader`, "get-admin-password");
    const password = /password: (\S+)/.exec(answer)?.[1] ?? "";
    return new World(concourse, options, `http://127.0.0.1:${port}`, password);
  }

  get version(): string {
    return this.options.release.version;
  }

  /** `fly` of the version that the web is of now, logged in: it refuses another one's. */
  async fly(): Promise<Fly> {
    const { version } = (await (await fetch(`${this.url}/api/v1/info`)).json()) as { version: string };
    const known = this.#flies.get(version) ?? this.#unpack(version);
    this.#flies.set(version, known);
    return known;
  }

  /** From the release on the shared directory. */
  async #unpack(version: string): Promise<Fly> {
    const { tool, sharedDirectory } = this.concourse;
    const releases = join(sharedDirectory, "releases");
    const name = (await readdir(releases)).find((candidate) => candidate.startsWith(`${version}-`)) ?? version;
    const directory = join(tool.directory, `fly-${version}`);
    await mkdir(directory);
    const archive = join(releases, name, `fly-assets/fly-linux-${ARCH}.tgz`);
    await promisify(execFile)("tar", ["-xzf", archive, "-C", directory]);
    const fly = new Fly(join(directory, "fly"), tool.directory);
    await fly.ok("login", "-c", this.url, "-u", "admin", "-p", this.#password);
    return fly;
  }

  /** A request as the administrator. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    if (this.#token === "") this.#token = await this.#logIn();
    const headers = { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${this.#token}` };
    return fetch(this.url + path, { ...init, headers, signal: AbortSignal.timeout(30_000) });
  }

  async workers(): Promise<readonly ListedWorker[]> {
    const response = await this.ask("/api/v1/workers");
    if (!response.ok) throw new Error(`/api/v1/workers answered ${response.status}`);
    return ((await response.json()) as ListedWorker[] | null) ?? [];
  }

  /** Null: not listed. */
  async stateOf(worker: string): Promise<string | null> {
    return (await this.workers()).find(({ name }) => name === worker)?.state ?? null;
  }

  /** Units that run workers, with the workers' names. */
  async workerUnits(): Promise<{ readonly unit: string; readonly name: string }[]> {
    const { workers } = await this.concourse.roles();
    return Promise.all(
      workers.map(async (unit) => {
        const line = await this.concourse.inUnit(unit, "grep ^CONCOURSE_NAME= /etc/concourse/worker.env");
        return { unit, name: /="(.*)"/.exec(line)?.[1] ?? "" };
      }),
    );
  }

  /** Everything is ready, and every worker is there. */
  async settled(): Promise<void> {
    await this.concourse.ready();
    await until("every worker runs", 120, async () => {
      const listed = await this.workers().catch(() => []);
      const running = listed.filter(({ state }) => state === "running").map(({ name }) => name);
      return (await this.workerUnits()).every(({ name }) => running.includes(name));
    });
  }

  async #logIn(): Promise<string> {
    const body = new URLSearchParams({
      grant_type: "password",
      username: "admin",
      password: this.#password,
      scope: "openid profile email federated:id groups",
    });
    const headers = { authorization: `Basic ${Buffer.from("fly:Zmx5").toString("base64")}` };
    const response = await fetch(`${this.url}/sky/issuer/token`, { method: "POST", headers, body });
    const answer = (await response.json()) as { access_token?: string };
    if (answer.access_token === undefined) throw new Error(`login answered ${response.status}`);
    return answer.access_token;
  }
}

/** Seconds until it was so. @throws Deviation after `limit` seconds. */
export async function until(what: string, limit: number, met: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await met()) return seconds(began);
    if (performance.now() - began > limit * 1000) throw new Deviation(`${what}: not within ${limit} s`);
    await pause(LOOK_EVERY);
  }
}

/** Since `began` of `performance.now()`, to a tenth. */
export const seconds = (began: number): number => Math.round((performance.now() - began) / 100) / 10;
