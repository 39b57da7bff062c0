/**
 * A deployment of Concourse for tests: the packed charm on a small stand-in release, brought up verb by verb, so that a
 * test can break the mirror, the database or the disk before, between and after.
 */

import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { packCharm } from "../../scripts/pack.ts";
import type { Faults, MirrorRequest, MirrorStatus } from "../../src/model/mirror/mirror.ts";
import type { ModelData } from "../../src/model/state/data.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import type { HistoryEntry } from "../../src/model/supervisor/status-history.ts";
import { request } from "../../src/model/supervisor/protocol.ts";
import { standInArchive, type StandIn, type Variant } from "../../standin/archive.ts";
import { unitsOf, type Ran, type Tool } from "./tool.ts";

export const APPLICATION = "concourse-ci-machine";
export const DATABASE = "postgresql";
export const MOUNT_POINT = "/var/lib/concourse";
export const WEB = "concourse-web.service";
export const WORKER = "concourse-worker.service";
export const AGENT = "concourse-agent.service";
/** Of this machine, by Debian's name. */
export const ARCH = process.arch === "arm64" ? "arm64" : "amd64";
const MARKER = ".lxc_shared_storage";
const DISK = "concourse";

/** An archive to serve: `concourse-<version>-linux-<arch>.tgz`. */
export type Archive = Pick<StandIn, "path" | "size">;

export interface DeploymentOptions {
  /** Kind of machines; `namespaces` by default. */
  readonly machines?: string;
  /** Line of Juju that the model plays; by default that of `AGENT_VERSION`, else the tool's default. */
  readonly agentVersion?: string;
  /** Path of the charm; by default the one of this tree, packed. */
  readonly charm?: string;
  readonly units?: number;
  /** Besides `release-mirror` and `shared-storage`, which follow from the rest; here they win. */
  readonly config?: Readonly<Record<string, string>>;
  /** Of the stand-in that is served; 7.14.3 by default. */
  readonly version?: string;
  readonly variant?: Variant;
  /** What is served instead of a stand-in; of `version`. */
  readonly archive?: Archive;
  /** Set before the deployment, so that the first request meets them. */
  readonly throttle?: number;
  readonly faults?: Partial<Faults>;
  /** `related` by default; `deployed`: integrate later with {@link Concourse.integrate}. */
  readonly database?: "related" | "deployed" | "none";
  /** `attached` by default; `later`: {@link Concourse.attach}; `none`: option `shared-storage=none`. */
  readonly storage?: "attached" | "later" | "none";
}

export interface Healed {
  readonly status: string;
  readonly message: string;
  /** Milliseconds from the call until the status was seen. */
  readonly ms: number;
}

export interface Vitals {
  /** Main processes; 0 = not running. */
  readonly web: number;
  readonly worker: number;
  readonly release: string;
}

/** Makes the model and deploys. Nothing is waited for. `tool` has no model yet; `Tool.remove` removes everything. */
export async function deployConcourse(tool: Tool, options: DeploymentOptions = {}): Promise<Concourse> {
  const { units = 3, config = {}, database = "related", storage = "attached" } = options;
  const [charm, archive] = await Promise.all([options.charm ?? packCharm(ARCH), options.archive ?? small(options)]);
  const agentVersion = options.agentVersion ?? process.env["AGENT_VERSION"] ?? "";
  const made = ["--machines", options.machines ?? "namespaces", "--agent-version", agentVersion];
  await tool.ok("add-model", tool.model, ...made);
  // What heals, heals by its own events: no periodic hook helps.
  await tool.ok("model-config", "-m", tool.model, "update-status-hook-interval=60m");
  const concourse = new Concourse(tool, archive);
  const { url } = await concourse.serve(archive);
  if (options.throttle !== undefined) await concourse.throttle(options.throttle);
  if (options.faults !== undefined) await concourse.faults(options.faults);
  if (database !== "none") await tool.ok("deploy", "-m", tool.model, DATABASE);
  await mkdir(concourse.sharedDirectory, { recursive: true, mode: 0o755 });
  await writeFile(join(concourse.sharedDirectory, MARKER), "");
  const values = {
    "shared-storage": storage === "none" ? "none" : "lxc",
    "release-mirror": url,
    version: options.version ?? "7.14.3",
    ...config,
  };
  const words = Object.entries(values).flatMap(([key, value]) => ["--config", `${key}=${value}`]);
  const disk = storage === "attached" ? ["--disk", concourse.disk] : [];
  await tool.ok("deploy", "-m", tool.model, charm, APPLICATION, "-n", `${units}`, ...words, ...disk);
  if (database === "related") await concourse.integrate();
  return concourse;
}

function isReady(status: StatusData): boolean {
  const units = Object.values(unitsOf(status));
  return (
    units.length > 0 && units.every(({ workload, agent }) => `${workload.current} ${agent.current}` === "active idle")
  );
}

const small = ({ version = "7.14.3", variant = "small" }: DeploymentOptions): Promise<StandIn> =>
  standInArchive({ version, variant });

export class Concourse {
  readonly tool: Tool;
  readonly archive: Archive;

  constructor(tool: Tool, archive: Archive) {
    this.tool = tool;
    this.archive = archive;
  }

  /** The directory of this host that units mount. */
  get sharedDirectory(): string {
    return join(this.tool.directory, "shared");
  }

  get disk(): string {
    return `${DISK}=${this.sharedDirectory}:${MOUNT_POINT}`;
  }

  /** A verb of the supervisor, at once: without the program around it. */
  async ask<T>(verb: string, params: unknown = {}): Promise<T> {
    return (await request(join(this.tool.modelDirectory, "supervisor.sock"), verb, params)) as T;
  }

  /** Serves this archive and no other; a throttle and faults that were set are gone. */
  async serve(archive: Archive): Promise<MirrorStatus> {
    return this.ask("serve-release", { release: archive.path });
  }

  /** Serves a stand-in of each of these versions. */
  async serveVersions(...versions: readonly string[]): Promise<MirrorStatus> {
    return this.serveAll(await Promise.all(versions.map((version) => small({ version }))));
  }

  /** Serves these archives. */
  async serveAll(archives: readonly Archive[]): Promise<MirrorStatus> {
    const directory = join(this.tool.directory, "releases");
    await mkdir(directory);
    for (const { path } of archives) await symlink(path, join(directory, basename(path)));
    return this.ask("serve-release", { release: directory });
  }

  /** Bytes a second for all answers together. */
  async throttle(bytesPerSecond: number | null): Promise<void> {
    await this.ask("throttle", { bytesPerSecond });
  }

  async faults(faults: Partial<Faults>): Promise<void> {
    await this.ask("fault", faults);
  }

  async noFaults(): Promise<void> {
    await this.ask("fault");
  }

  /** Requests that have ended, since the first mirror of the model was started. */
  async requests(): Promise<MirrorRequest[]> {
    const log = await readFile(join(this.tool.modelDirectory, "log/mirror.jsonl"), "utf8");
    return log
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as MirrorRequest);
  }

  /** Bytes of archives that were sent, requests under way not counted. */
  async releaseBytes(): Promise<number> {
    return (await this.requests())
      .filter(({ path }) => path.endsWith(".tgz"))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async attach(): Promise<void> {
    const disk = { name: DISK, source: this.sharedDirectory, path: MOUNT_POINT, readOnly: false };
    await this.ask("attach-disk", { application: APPLICATION, disk });
  }

  async detach(): Promise<void> {
    await this.ask("detach-disk", { application: APPLICATION, name: DISK });
  }

  async integrate(application = APPLICATION): Promise<void> {
    await this.ask("integrate", { a: application, b: DATABASE });
  }

  async configure(values: Readonly<Record<string, string>>): Promise<void> {
    await this.ask("set-config", { application: APPLICATION, values, reset: [] });
  }

  /** @throws Error if the action fails. */
  async act(unit: string, action: string, ...params: string[]): Promise<string> {
    return this.tool.ok("run", "-m", this.tool.model, unit, action, ...params);
  }

  async run(unit: string, script: string): Promise<Ran> {
    return this.tool.run("exec", "-m", this.tool.model, "--unit", unit, "--", script);
  }

  /** Standard output of a script in the unit, which must succeed. */
  async inUnit(unit: string, script: string): Promise<string> {
    return this.tool.ok("exec", "-m", this.tool.model, "--unit", unit, "--", script);
  }

  /** Waits until the unit shows this; `pattern` is tried on `<status> <message>`. */
  async untilStatus(unit: string, pattern: RegExp, timeout = 60_000): Promise<Healed> {
    const began = Date.now();
    const shows = (one: { current: string; message: string } | undefined): boolean =>
      one !== undefined && pattern.test(`${one.current} ${one.message}`);
    const seen = await this.tool.until(
      `${unit} ${String(pattern)}`,
      (status) => shows(unitsOf(status)[unit]?.workload),
      timeout,
    );
    const { current = "", message = "" } = unitsOf(seen)[unit]?.workload ?? {};
    return { status: current, message, ms: Date.now() - began };
  }

  /** Waits until every unit is active and no hook runs. */
  async ready(timeout = 240_000): Promise<void> {
    await this.tool.until("every unit active", isReady, timeout);
  }

  /** All statuses a unit has shown, oldest first. */
  async history(unit: string): Promise<readonly HistoryEntry[]> {
    return this.ask("status-history", { entity: unit, kind: "workload", last: 1000 });
  }

  /** What the unit's Juju agent ran, as its status tells, in milliseconds since 1970. */
  async hooks(unit: string): Promise<{ readonly what: string; readonly from: number; readonly to: number }[]> {
    const words = { entity: unit, kind: "juju-unit", last: 1000 };
    const entries = await this.ask<readonly HistoryEntry[]>("status-history", words);
    return entries.flatMap(({ since, status, message }, i) => {
      const next = entries[i + 1];
      return status === "executing" && next !== undefined
        ? [{ what: `${unit} ${message}`, from: since, to: next.since }]
        : [];
    });
  }

  /** 0 while the service does not run. */
  async mainPid(unit: string, service: string): Promise<number> {
    return Number((await this.inUnit(unit, `systemctl show --value --property=MainPID ${service}`)).trim());
  }

  /** Name of the release that the unit's services run from. */
  async release(unit: string): Promise<string> {
    return basename((await this.inUnit(unit, "readlink /opt/concourse/current")).trim());
  }

  /** What every unit runs, by unit: a service that was left alone keeps its process. */
  async vitals(): Promise<Record<string, Vitals>> {
    const script =
      `for s in ${WEB} ${WORKER}; do systemctl show --value --property=MainPID $s; done;` +
      " basename $(readlink /opt/concourse/current || echo none)";
    const words = ["exec", "-m", this.tool.model, "--application", APPLICATION, "--format", "json", "--", script];
    const tasks = JSON.parse(await this.tool.ok(...words)) as Record<string, { results: { stdout: string } }>;
    return Object.fromEntries(
      Object.entries(tasks).map(([unit, { results }]) => {
        const [web = "", worker = "", release = ""] = results.stdout.split("\n");
        return [unit, { web: Number(web), worker: Number(worker), release }];
      }),
    );
  }

  /** The unit that runs the web, and those that run workers. */
  async roles(): Promise<{ readonly web: string; readonly workers: readonly string[] }> {
    const vitals = Object.entries(await this.vitals());
    const web = vitals.find(([, { web: pid }]) => pid > 0)?.[0];
    if (web === undefined) throw new Error(`no unit runs a web: ${JSON.stringify(vitals)}`);
    return { web, workers: vitals.filter(([, { worker }]) => worker > 0).map(([unit]) => unit) };
  }

  async leader(): Promise<string> {
    const status = await this.ask<StatusData>("status");
    const found = Object.entries(status.applications[APPLICATION]?.units ?? {}).find(([, { leader }]) => leader)?.[0];
    if (found === undefined) throw new Error("nobody leads");
    return found;
  }

  /** The journal of a service since the unit's boot. */
  async journal(unit: string, service: string): Promise<string> {
    return this.inUnit(unit, `journalctl --boot --no-pager --output=cat --unit=${service}`);
  }

  async units(): Promise<string[]> {
    const status = await this.ask<StatusData>("status");
    return Object.keys(status.applications[APPLICATION]?.units ?? {});
  }

  /** Directory of this host with every file that was written in the unit's machine. */
  async filesOf(unit: string): Promise<string> {
    const { machine = "" } = unitsOf(await this.ask<StatusData>("status"))[unit] ?? {};
    return join(this.tool.modelDirectory, "machines", machine);
  }

  /** Databags of all relations, as the model keeps them. */
  async databags(): Promise<unknown> {
    return (await this.#data()).relations;
  }

  /** Contents of every secret of the model. */
  async secrets(): Promise<{ readonly label: string; readonly values: Readonly<Record<string, string>> }[]> {
    return Object.values((await this.#data()).secrets).map(({ label, latest, revisions }) => ({
      label,
      values: Object.fromEntries(
        Object.entries(revisions[latest]?.values ?? {}).map(([key, value]) => [
          key,
          Buffer.from(value, "base64").toString("utf8"),
        ]),
      ),
    }));
  }

  /** Units that have read the secret of this label. */
  async readersOf(label: string): Promise<string[]> {
    const secrets = Object.values((await this.#data()).secrets).filter((secret) => secret.label === label);
    return secrets.flatMap(({ consumers }) => Object.keys(consumers));
  }

  async #data(): Promise<ModelData> {
    const text = await readFile(join(this.tool.modelDirectory, "model.json"), "utf8");
    return (JSON.parse(text) as { state: ModelData }).state;
  }
}
