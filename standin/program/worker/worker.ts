/** `concourse worker` (concourse/concourse, worker/workercmd). It runs no containers. */

import { mkdirSync, readdirSync, readFileSync, existsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Failure } from "../failure.ts";
import { Log, messageOf } from "../log.ts";
import { WORKER_OPTIONS } from "../option-table.ts";
import { goError, readSettings, variableOf, type Settings } from "../settings.ts";
import { WORKER_VERSION } from "../version.ts";
import { Beacon } from "./beacon.ts";
import { requireNetwork } from "./network.ts";
import { startServers } from "./servers.ts";
import { TsaClient } from "./tsa-client.ts";

export async function runWorker(args: readonly string[]): Promise<void> {
  const settings = readSettings(WORKER_OPTIONS, args, process.env);
  const log = new Log("worker", settings.text("log-level"));
  if (process.getuid?.() !== 0) throw new Failure("worker must be run as root");
  refuseLeftovers(settings.text("runtime"), process.env);
  const worker = describeWorker(settings, log);
  const client = new TsaClient(tsaTarget(settings), log);
  prepareWorkDirectory(settings.text("work-dir") || ".");
  await requireNetwork(settings);
  const ports = { garden: settings.number("bind-port"), baggageclaim: settings.number("baggageclaim-bind-port") };
  const beacon = new Beacon({ client, log, worker, ports });
  process.on("SIGUSR1", () => beacon.land());
  process.on("SIGUSR2", () => beacon.retire());
  const servers = await startServers(settings);
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      // Upstream's servers end with the signal; a gateway waits for its connections to them.
      for (const server of servers) server.close().closeAllConnections();
      beacon.stop();
    });
  }
  log.info("garden.started", { session: "1" });
  await beacon.run();
}

export function tsaTarget(settings: Settings): ConstructorParameters<typeof TsaClient>[0] {
  const privateKey = settings.key("tsa-worker-private-key");
  if (privateKey === null) throw new Failure("private key not provided");
  return { hosts: settings.list("tsa-host"), hostKeys: settings.authorizedKeys("tsa-public-key"), privateKey };
}

/**
 * Settings of another runtime are refused, but only those that this version does not know: the others were taken as
 * options (worker/workercmd/worker_linux.go, verifyRuntimeFlags).
 */
function refuseLeftovers(runtime: string, environment: Readonly<Record<string, string | undefined>>): void {
  const known = new Set(WORKER_OPTIONS.map(variableOf));
  const left = (prefix: string) => Object.keys(environment).some((name) => name.startsWith(prefix) && !known.has(name));
  const garden = left("CONCOURSE_GARDEN_");
  const containerd = left("CONCOURSE_CONTAINERD_");
  if (runtime === "containerd" && garden) {
    throw new Failure("cannot use CONCOURSE_GARDEN_ environment variables with Containerd");
  }
  if (runtime === "guardian" && containerd) {
    throw new Failure("cannot use CONCOURSE_CONTAINERD_ environment variables with Guardian");
  }
  if (runtime === "houdini" && (garden || containerd)) {
    throw new Failure("cannot use CONCOURSE_GARDEN_ or CONCOURSE_CONTAINERD_ environment variables with Houdini");
  }
}

function describeWorker(settings: Settings, log: Log): object {
  const proxy = (field: string, name: string) => (settings.text(name) === "" ? {} : { [field]: settings.text(name) });
  return {
    addr: "",
    baggageclaim_url: "",
    ...(settings.has("certs-dir") && { certs_path: settings.text("certs-dir") }),
    ...proxy("http_proxy_url", "http-proxy"),
    ...proxy("https_proxy_url", "https-proxy"),
    ...proxy("no_proxy", "no-proxy"),
    active_containers: 0,
    active_volumes: 0,
    active_tasks: 0,
    resource_types: resourceTypes(settings, log),
    platform: "linux",
    tags: settings.has("tag") ? settings.list("tag").filter((tag) => tag !== "") : null,
    team: settings.text("team"),
    name: settings.text("name") || hostname(),
    version: WORKER_VERSION,
    start_time: Math.floor(Date.now() / 1000),
    ephemeral: settings.flag("ephemeral"),
    state: "",
  };
}

/** Found beside the executable; every entry must be a resource type (worker/workercmd/worker_linux.go). */
function resourceTypes(settings: Settings, log: Log): unknown[] | null {
  const given = settings.text("resource-types");
  const discovered = join(dirname(dirname(process.execPath)), "resource-types");
  const found = given || (existsSync(discovered) ? discovered : "");
  if (found === "") return null;
  try {
    const root = resolve(found);
    const names = goError("open", root, () => readdirSync(root)).toSorted();
    return names.map((name) => {
      const path = join(root, name, "resource_metadata.json");
      const metadata = JSON.parse(goError("open", path, () => readFileSync(path, "utf8"))) as object;
      return { ...metadata, image: join(root, name, "rootfs.tgz") };
    });
  } catch (error) {
    log.error("garden.load-resources.failed-to-read-resource-type-metadata", error);
    throw new Failure(messageOf(error));
  }
}

/** What a real worker leaves there first. */
function prepareWorkDirectory(path: string): void {
  try {
    // Level by level: Node 24 hangs on a recursive mkdir below /proc.
    if (!existsSync(path)) goError("mkdir", path, () => mkdirSync(path));
    for (const name of ["containerd", "overlays", "volumes/live", "volumes/dead", "volumes/init"]) {
      goError("mkdir", path, () => mkdirSync(join(path, name), { recursive: true }));
    }
  } catch (error) {
    throw new Failure(`failed to create depot dir: ${messageOf(error)}`);
  }
}
