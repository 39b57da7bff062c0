/** The script behind `up`: nothing here that the verbs could not do one by one. */

import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { presentKind } from "../machines/index.ts";
import type { Disk } from "../machines/machine.ts";
import { modelPaths } from "../model/supervisor/paths.ts";
import { readRecord } from "../model/supervisor/record.ts";
import type { StatusData } from "../model/state/types.ts";
import { checkDeployed, checkOrigin, type Deployed, type Wanted } from "./carry-on.ts";
import { createModel } from "./create-model.ts";
import { firstFree } from "./host-ports.ts";
import { releaseSettings, releaseSource, STAND_IN_NOTE, type ReleaseSource } from "./release-source.ts";
import { askModel } from "./session.ts";

export const APPLICATION = "concourse-ci-machine";
/** Of workers that are an application of their own. */
export const WORKER_APPLICATION = "concourse-worker";
const DATABASE = "postgresql";
/** Where units expect the shared directory, and the mark that tells them it is mounted. */
export const MOUNT_POINT = "/var/lib/concourse";
const MARKER = ".lxc_shared_storage";
export const WEB_PORT = 8080;

/** Of options that are not given. */
export const DEFAULTS = { units: 3, version: "", release: "auto", reach: "outside" } as const;

export interface BringUpOptions extends Wanted {
  /** What machines boot: `remote:alias`; "" = their kind's own. Counts where the model is made. */
  readonly image: string;
  /** Told what is being done, one line each. */
  readonly say: (line: string) => void;
}

export interface BroughtUp {
  readonly url: string;
  /** Units that must become active: Concourse's and PostgreSQL's. */
  readonly units: number;
  /** The release is the stand-in, which runs no pipelines. */
  readonly standIn: boolean;
}

/** Makes what is missing of the model, and leaves what is there. @throws UserError if that is not what is asked for. */
export async function bringUp(options: BringUpOptions): Promise<BroughtUp> {
  const { model, say } = options;
  const paths = modelPaths(model);
  const exists = existsSync(paths.record);
  if (exists) checkOrigin(options, readRecord(paths));
  const before = exists ? await askModel<StatusData>(model, "status", {}) : null;
  const there = before?.applications[APPLICATION];
  const workers = before?.applications[WORKER_APPLICATION];
  if (there !== undefined) checkDeployed(options, await deployed(model, there, workers));
  // What cannot be is refused before anything is made; what takes its time is made while the model comes up.
  const source = there === undefined ? await releaseSource(options) : null;
  const charm = onceBegun(() => charmFile(options), there === undefined);
  if (before === null) {
    say(`Making model "${model}"`);
    const machines = options.machines ?? (await presentKind()).name;
    const { image, agentVersion, reach = DEFAULTS.reach } = options;
    await createModel(model, { machines, image, agentVersion, reach });
  }
  if (before?.applications[DATABASE] === undefined) {
    say("Deploying PostgreSQL 16");
    await deploy(model, { charm: DATABASE });
  }
  if (there === undefined && source !== null) await deployConcourse(options, await charm(), source);
  else say(`Model "${model}" has Concourse with ${unitsText(Object.keys(there?.units ?? {}).length)}: carrying on`);
  if (options.workers !== undefined && workers === undefined)
    await deployWorkers(options, await charm(), options.workers);
  const url = await externalUrl(model);
  await connect(model, url);
  return { url, units: await unitCount(model), standIn: readRecord(paths).notes === STAND_IN_NOTE };
}

/** Relations and the port on this host, as far as they are missing: an `up` before may have ended in between. */
async function connect(model: string, url: string): Promise<void> {
  const { applications } = await askModel<StatusData>(model, "status", {});
  const related = (name: string, other: string): boolean =>
    Object.values(applications[name]?.relations ?? {}).some((ends) => ends.some((end) => end.application === other));
  if (!related(APPLICATION, DATABASE)) await askModel(model, "integrate", { a: APPLICATION, b: DATABASE });
  if (applications[WORKER_APPLICATION] !== undefined && !related(WORKER_APPLICATION, APPLICATION))
    await askModel(model, "integrate", { a: `${WORKER_APPLICATION}:flight`, b: `${APPLICATION}:tsa` });
  if (applications[APPLICATION]?.exposed === true) return;
  const port = URL.canParse(url) ? Number(new URL(url).port) : 0;
  const hostPorts = port === 0 ? {} : { [WEB_PORT]: port };
  await askModel(model, "expose", { application: APPLICATION, hostPorts });
}

/** Gives what `work` gives, asked for once and for all, at once if `now`. A failure is for whoever asks. */
function onceBegun<T>(work: () => Promise<T>, now: boolean): () => Promise<T> {
  let result: Promise<T> | undefined;
  const ask = (): Promise<T> => (result ??= work());
  if (now) ask().catch(() => undefined);
  return ask;
}

/** The charm to deploy: the one named, or packed from this clone. */
export async function charmFile(options: Pick<BringUpOptions, "charm" | "say">): Promise<string> {
  if (options.charm !== undefined) return resolve(options.charm);
  const { packCharm } = await import("../../scripts/pack.ts");
  options.say("Packing the charm");
  return packCharm(process.arch === "arm64" ? "arm64" : "amd64");
}

function deploy(model: string, params: { readonly charm: string } & Record<string, unknown>): Promise<unknown> {
  return askModel(model, "deploy", { units: 1, config: {}, resources: {}, disks: [], ...params });
}

async function deployConcourse(options: BringUpOptions, charm: string, source: ReleaseSource): Promise<void> {
  const { model, say, workers, version = DEFAULTS.version } = options;
  const { units = workers === undefined ? DEFAULTS.units : 1 } = options;
  const release = await releaseSettings(model, source);
  const port = await firstFree(WEB_PORT);
  const directory = await sharedDirectory(options);
  const config = {
    ...(workers === undefined ? {} : { mode: "web" }),
    "shared-storage": "lxc",
    "external-url": `http://127.0.0.1:${port}`,
    ...(version === "" ? {} : { version }),
    ...release.config,
  };
  say(`Deploying Concourse with ${unitsText(units)} on ${directory}`);
  const disks = [diskOf(directory, "read-write")];
  await deploy(model, { charm, name: APPLICATION, units, config, resources: release.resources, disks });
}

/** Workers of an application of their own: they follow the webs' version, and cannot write what they run from. */
async function deployWorkers(options: BringUpOptions, charm: string, units: number): Promise<void> {
  const { model, say } = options;
  const source = await sharedDirectory(options);
  const config = { mode: "worker", "shared-storage": "lxc" };
  say(`Deploying ${unitsText(units)} of workers, with ${source} read-only`);
  await deploy(model, { charm, name: WORKER_APPLICATION, units, config, disks: [diskOf(source, "read-only")] });
}

const diskOf = (source: string, access: "read-write" | "read-only"): Disk => ({
  name: "concourse",
  source,
  path: MOUNT_POINT,
  readOnly: access === "read-only",
});

/** The directory that all units mount: 0755, below one that only root may enter where it is made here. What is there stays as it is. */
export async function sharedDirectory(options: Pick<BringUpOptions, "model" | "sharedDirectory">): Promise<string> {
  const own = options.sharedDirectory === undefined;
  const directory = resolve(options.sharedDirectory ?? modelPaths(options.model).shared);
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  const made = await mkdir(directory, { recursive: true });
  // Whatever the umask made of it.
  if (own || made !== undefined) await chmod(directory, 0o755);
  await writeFile(join(directory, MARKER), "", { flag: "a" });
  return directory;
}

type Application = StatusData["applications"][string];

async function deployed(model: string, { units }: Application, workers: Application | undefined): Promise<Deployed> {
  const option = async (key: string) =>
    (await askModel<string | null>(model, "get-config-value", { application: APPLICATION, key })) ?? "";
  const disks = await askModel<Readonly<Record<string, readonly Disk[]>>>(model, "disks", {});
  return {
    application: APPLICATION,
    units: Object.keys(units),
    mode: (await option("mode")) || "auto",
    workers: workers ? { application: WORKER_APPLICATION, units: Object.keys(workers.units) } : null,
    version: await option("version"),
    mirror: await option("release-mirror"),
    sharedDirectory: disks[APPLICATION]?.find(({ path }) => path === MOUNT_POINT)?.source ?? "",
  };
}

function unitsText(count: number): string {
  return `${count} unit${count === 1 ? "" : "s"}`;
}

async function externalUrl(model: string): Promise<string> {
  const url = await askModel<string | null>(model, "get-config-value", {
    application: APPLICATION,
    key: "external-url",
  });
  if (url === null)
    throw new UserError(
      `${APPLICATION} has no external-url`,
      `Remove the model with: concourse-machine down -m ${model}`,
    );
  return url;
}

async function unitCount(model: string): Promise<number> {
  const status = await askModel<StatusData>(model, "status", {});
  return Object.values(status.applications).reduce((sum, { units }) => sum + Object.keys(units).length, 0);
}
