import { clusterOf, roleOf, versionOf, type Facts } from "./facts.ts";
import { badGateways, gatewaysOf } from "./gateways.ts";
import { isReady } from "./ready.ts";
import { clipped, named } from "./status-words.ts";
import { status } from "./status.ts";
import { badKeys } from "./worker-keys.ts";

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
          unreadable: clipped(database.unreadable ?? "none"),
        }
      : { related: false },
    builds: buildsOf(facts),
    storage: {
      mounted: local.agent?.store.mounted ?? false,
      id: local.agent?.store.id ?? "none",
      writable: local.agent?.store.writable ?? false,
    },
    problems: problemsOf(facts),
  };
}

/** What builds lack on this machine, by name: also what only some of them need. */
function buildsOf(facts: Facts): string | Record<string, string> {
  const lacks = facts.local.agent?.preflight?.lacks ?? [];
  const failed = facts.local.agent?.trial?.problem;
  const told = [...lacks, ...(failed ? [{ name: "trial", message: failed }] : [])].map(
    ({ name, message }) => [name, named(message, facts)] as const,
  );
  return told.length > 0 ? Object.fromEntries(told) : "nothing missing";
}

/** What the agent cannot do, or the store keeps it from, by task: each in the words of the status line. */
function problemsOf(facts: Facts): string | Record<string, string> {
  const { agent } = facts.local;
  const found = Object.entries({
    ...agent?.problems,
    store: agent?.store.problem ?? null,
    fetch: agent?.fetchProblem ?? null,
  }).flatMap(([task, problem]) => (problem ? [[inLowerCase(task), named(problem.message, facts)] as const] : []));
  return found.length > 0 ? Object.fromEntries(found) : "none";
}

/** `holdLeases` → `hold-leases` */
const inLowerCase = (task: string): string => task.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Juju's results are strings under dotted keys of lower-case letters, digits and hyphens. */
export function flatten(tree: Tree, prefix = ""): Record<string, string> {
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
