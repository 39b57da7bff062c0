import { WORKER_KEY_FILE } from "../agent/contract.ts";
import { WORKER_SERVICE, workerUnit } from "../concourse/services.ts";
import { FILES, workerSettings } from "../concourse/settings.ts";
import { workerScript } from "../concourse/worker-service.ts";
import { clusterOf, memberName, type Facts } from "./facts.ts";
import { gatewaysOf, hostKeysOf, isWelcome, routesTo } from "./gateways.ts";
import { HOSTS_FILE, withTsaHost } from "./hosts.ts";
import { resolverOfBuilds } from "./resolver.ts";
import type { Step } from "./plan.ts";
import { dropService, runService, storeThere, write, type FileWanted, type ServiceWanted } from "./service.ts";

/** The worker's service, once some web can be reached and lets it in. */
export function planWorker(facts: Facts, current: string | null): Step[] {
  // Without a web application its key is let in nowhere: a worker that tries for ever only fills journals.
  if (clusterOf(facts)?.mode === "worker" && !facts.flight) return dropWorker(facts);
  const gateways = gatewaysOf(facts);
  if (!facts.local.agent?.workerPublicKey || !current || hostKeysOf(gateways).length === 0) return [];
  const wanted = workerWanted(facts, current);
  return [
    ...nameGateways(facts, routesTo(facts, gateways).addresses),
    ...(wanted === null ? [] : runService(facts, wanted)),
  ];
}

/** Null while it is not known what it should be, or nobody would let it in. */
export function workerWanted(facts: Facts, current: string): ServiceWanted | null {
  const gateways = gatewaysOf(facts);
  const key = facts.local.agent?.workerPublicKey;
  const hostKeys = hostKeysOf(gateways);
  if (!key || hostKeys.length === 0 || !storeThere(facts)) return null;
  const running = (facts.local.services[WORKER_SERVICE]?.pid ?? 0) > 0;
  // A worker whose key is not let in loses five seconds before it tries again (Concourse, worker/beacon_runner.go).
  const { preflight } = facts.local.agent ?? {};
  if (!preflight) return null;
  if (!running && (!isWelcome(gateways, key) || preflight.lacks.some(({ stops }) => stops === "worker"))) return null;
  const settings = workerSettings({
    name: memberName(facts.environment),
    tsaHosts: routesTo(facts, gateways).tsaHosts,
    keyFile: WORKER_KEY_FILE,
    logLevel: facts.options.logLevel,
    tags: facts.options.tags,
  });
  const hostKey: FileWanted = {
    path: FILES.tsaPublicKey,
    content: `${hostKeys.join("\n")}\n`,
    mode: 0o644,
    owner: "root",
  };
  const script: FileWanted = { path: FILES.workerScript, content: workerScript, mode: 0o755, owner: "root" };
  // Read anew for each container: another one restarts nobody.
  const resolver: FileWanted = {
    path: FILES.workerResolver,
    content: resolverOfBuilds(facts.options.dnsServers, facts.local.resolver),
    mode: 0o644,
    owner: "root",
    inPlace: true,
  };
  return {
    service: WORKER_SERVICE,
    unit: workerUnit,
    environmentPath: FILES.workerEnvironment,
    settings,
    files: [hostKey, script, resolver],
    hashed: [hostKey, script],
    release: current,
  };
}

/** A unit that is no worker any more, or has no web to work for. */
export const dropWorker = (facts: Facts): Step[] => [...dropService(facts, WORKER_SERVICE), ...nameGateways(facts, [])];

/** The lines of `/etc/hosts` by which the worker reaches the webs. */
function nameGateways({ local }: Facts, addresses: readonly string[]): Step[] {
  const hosts = local.files[HOSTS_FILE] ?? "";
  const wanted = withTsaHost(hosts, addresses);
  return wanted === hosts ? [] : [write(HOSTS_FILE, wanted)];
}
