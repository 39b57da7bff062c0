import type { HookEnvironment } from "../juju/environment.ts";
import type { HookTools } from "../juju/hook-tools.ts";
import { writeApplicationBag } from "../relations/peers.ts";
import { clusterOf, externalUrl, roleOf, versionOf, type Facts } from "./facts.ts";
import { readMachine } from "./machine.ts";
import { asClusterSecret, readFacts } from "./read.ts";
import { badGateways, gatewaysOf } from "./gateways.ts";
import { isReady } from "./report.ts";
import { status } from "./status.ts";
import { describeStore } from "./storage-status.ts";
import { badKeys } from "./worker-keys.ts";
import { cleanUpReleases, fetchReleaseNow, verifyRelease } from "./store-actions.ts";

/** Runs an action. */
export async function runAction(
  name: string,
  environment: HookEnvironment,
  tools: HookTools,
  program: string,
): Promise<void> {
  const facts = await readFacts(environment, tools, (webPort) => readMachine(environment, program, webPort));
  switch (name) {
    case "get-admin-password":
      return getAdminPassword(facts, tools);
    case "check-status":
      return tools.setResults(flatten(describe(facts)));
    case "storage-status":
      return tools.setResults(flatten(await describeStore(facts)));
    case "adopt-store":
      return adoptStore(facts, tools);
    case "verify-release":
      return verifyRelease(facts, tools);
    case "clean-up-releases":
      return cleanUpReleases(facts, tools);
    case "fetch-release":
      return fetchReleaseNow(facts, tools);
    default:
      return tools.fail(`unknown action ${name}`);
  }
}

async function getAdminPassword(facts: Facts, tools: HookTools): Promise<void> {
  if (clusterOf(facts)?.mode === "worker")
    return tools.fail(`These are workers: ask ${facts.flight?.application ?? "the web application"}/leader`);
  const uri = facts.peers?.secretUri;
  const secret = uri ? asClusterSecret(await tools.secret({ uri })) : null;
  if (!secret)
    return tools.fail("There is no password yet: the leader makes it with the other keys, try again in a moment");
  const address =
    clusterOf(facts)?.web === facts.environment.unit
      ? facts.peers?.address
      : facts.peers?.others.find(({ unit }) => unit === clusterOf(facts)?.web)?.address;
  await tools.setResults({
    username: facts.options.adminName,
    password: secret["admin-password"],
    url: externalUrl(facts.options, address ?? "?"),
  });
}

/** Makes the store that is mounted now the application's: all its units then look for that one. */
async function adoptStore(facts: Facts, tools: HookTools): Promise<void> {
  const { peers, local } = facts;
  const cluster = clusterOf(facts);
  const found = local.agent?.store.id;
  if (!facts.leader) return tools.fail("Only the leader can adopt a store: run it on <application>/leader");
  // A directory that has no id yet gets one once none is asked for.
  const isNew = !found && local.agent?.store.problem?.code === "other-store";
  if (!peers || !cluster || (!found && !isNew))
    return tools.fail("No store is mounted here that could be adopted: see storage-status");
  if (found === cluster.store)
    return tools.setResults({ store: found ?? "new", message: "This store is the application's already" });
  const adopted = { ...cluster, store: found ?? null, generation: cluster.generation + 1 };
  await tools.setBag(peers.relation, "application", writeApplicationBag({ cluster: adopted, secret: null }));
  await tools.setResults({ store: found ?? "new", message: `Adopted in place of ${cluster.store ?? "none"}` });
}

interface Tree {
  readonly [key: string]: string | number | boolean | null | readonly string[] | Tree;
}

/** What this unit knows, for a person: no secret in it. */
export function describe(facts: Facts): Tree {
  const { local, database } = facts;
  const now = status(facts);
  const cluster = clusterOf(facts);
  return {
    status: now.status,
    message: now.message,
    role: roleOf(facts) ?? "none",
    ready: isReady(facts),
    leader: facts.leader,
    release: {
      running: local.current ?? "none",
      version: versionOf(local.current) ?? "none",
      target: cluster?.release?.version ?? "none",
      digest: cluster?.release?.sha256 ?? "none",
    },
    cluster: {
      generation: cluster?.generation ?? 0,
      mode: cluster?.mode ?? "none",
      web: cluster?.web ?? "none",
      fetcher: cluster?.fetcher ?? "none",
      turn: cluster?.turn ?? "none",
    },
    "web-application": facts.flight?.application ?? "none",
    "worker-applications": facts.tsa.map(({ application }) => application),
    "unreadable-keys": [...badKeys(facts), ...badGateways(gatewaysOf(facts))],
    services: Object.fromEntries(
      Object.entries(local.services).map(([name, service]) => [
        name.replace(".service", ""),
        { state: service.active, pid: service.pid, restarts: service.restarts, release: service.release ?? "none" },
      ]),
    ),
    web: local.agent?.web
      ? {
          api: local.agent.web.api,
          version: local.agent.web.version ?? "none",
          workers: local.agent.web.workers.map(({ name, state }) => `${name} ${state}`),
        }
      : "not here",
    database: database.relation
      ? {
          related: true,
          ready: local.agent?.database?.ready ?? false,
          host: local.agent?.database?.host ?? "none",
          problem: local.agent?.database?.problem?.message ?? "none",
        }
      : { related: false },
    storage: {
      mounted: local.agent?.store.mounted ?? false,
      id: local.agent?.store.id ?? "none",
      writable: local.agent?.store.writable ?? false,
    },
  };
}

/** Juju's results are strings under dotted keys of lower-case letters, digits and hyphens. */
function flatten(tree: Tree, prefix = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(tree).map(([key, value]) => {
      const path = `${prefix}${key}`;
      if (Array.isArray(value)) return { [path]: value.join(", ") || "none" };
      return typeof value === "object" && value !== null
        ? flatten(value as Tree, `${path}.`)
        : { [path]: String(value) };
    }),
  ) as Record<string, string>;
}
