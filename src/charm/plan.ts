import { agentUnit, AGENT_SERVICE, unitFile, WEB_SERVICE } from "../concourse/services.ts";
import { damageKnown, isGoodCopy } from "./damage.ts";
import { clusterOf, isCopyOf, NOT_RUNNING, roleOf, type Facts } from "./facts.ts";
import { ordersFor } from "./orders.ts";
import { planWeb } from "./plan-web.ts";
import { dropWorker, planWorker } from "./plan-worker.ts";
import { dropService, write } from "./service.ts";
import { tearDown } from "./tear-down.ts";
import type { Orders } from "../agent/contract.ts";
import type { Cluster } from "../relations/peers.ts";

/** One thing to do on this machine. `apply` does them in order; each can be done twice. */
export type Step =
  | { readonly do: "claim-machine" }
  | { readonly do: "create-user" }
  | { readonly do: "follow"; readonly cluster: Cluster }
  | { readonly do: "install-agent" }
  | {
      readonly do: "write";
      readonly path: string;
      readonly content: string;
      readonly mode: number;
      readonly owner: "root" | "concourse";
      /** The same file goes on with another content: somebody has bound it elsewhere. Else it is replaced at once. */
      readonly inPlace?: boolean;
    }
  | { readonly do: "remove"; readonly path: string }
  | { readonly do: "link-release"; readonly name: string; readonly manifestSha256: string }
  | { readonly do: "reload-units" }
  | { readonly do: "service"; readonly service: string; readonly verb: Verb }
  /** `last`: nobody of the application stays behind on this store. */
  | { readonly do: "give-up-lease"; readonly last: boolean }
  | { readonly do: "clear-machine" }
  | { readonly do: "mark-reload" }
  | { readonly do: "reload-keys" }
  | { readonly do: "order"; readonly orders: Orders }
  /** The peer whose unit bag alone this unit reads; null = everybody's. `dispatch` passes over news of others. */
  | { readonly do: "heed"; readonly web: string | null };

/**
 * A step whose time has not come, thrown by `apply`: the steps after it build on it. The agent goes on to wake the charm,
 * which plans anew.
 */
export class NotYet extends Error {}

/** `stop` returns at once, `end` when the service is down: only tear-down may wait. */
export type Verb = "start" | "restart" | "stop" | "end";

const PROGRAM = "/var/lib/concourse-unit/program";
/**
 * The command line of the agent; see `installAgent` for what lies there. Small young generations: what streams through a
 * download dies at once, and V8 would let it grow to half as much memory again before it looks.
 */
export const AGENT_COMMAND = `${PROGRAM}/node --max-semi-space-size=1 ${PROGRAM}/main.mjs agent`;

/** What is still to do on this machine, in order. Nothing once the machine is as the facts want it. */
export function plan(facts: Facts): Step[] {
  if (facts.local.occupant || facts.local.arch === null) return [];
  if (facts.local.stopped) return tearDown(facts);
  return [...planAgent(facts), ...(facts.mistakes.length > 0 ? [] : planWork(facts))];
}

function planAgent({ local }: Facts): Step[] {
  const steps: Step[] = [];
  if (!local.claimed) steps.push({ do: "claim-machine" });
  if (!local.userExists) steps.push({ do: "create-user" });
  const unit = agentUnit(AGENT_COMMAND, local.program);
  const service = local.services[AGENT_SERVICE] ?? NOT_RUNNING;
  const unitChanged = local.files[unitFile(AGENT_SERVICE)] !== unit;
  if (unitChanged) steps.push(write(unitFile(AGENT_SERVICE), unit), { do: "reload-units" });
  // On a machine that was another unit's, its agent may still run.
  if (local.agentProgram !== local.program || !local.claimed) return [...steps, { do: "install-agent" }];
  const old = service.pid > 0 && service.config !== null && service.config !== local.program;
  if (unitChanged || old) return [...steps, { do: "service", service: AGENT_SERVICE, verb: "restart" }];
  if (service.active !== "active" || !service.enabled) {
    return [...steps, { do: "service", service: AGENT_SERVICE, verb: "start" }];
  }
  return steps;
}

/** The agent's orders, from facts read after everything was applied and told. */
export function planOrders(facts: Facts): Step[] {
  if (facts.local.occupant || facts.local.arch === null || facts.local.stopped) return [];
  const orders = ordersFor(facts);
  const changed = orders !== null && JSON.stringify(orders) !== JSON.stringify(facts.local.orders);
  const web = heeded(facts);
  return [
    ...(web === facts.local.heeds ? [] : [{ do: "heed", web } as const]),
    ...(changed ? [{ do: "order", orders } as const] : []),
  ];
}

/** In place of a peer's name, where no peer's word counts. */
const NOBODY = "-";

/** See `readPeers`: who leads, fetches or runs a web reads everybody's bag. */
function heeded(facts: Facts): string | null {
  const cluster = clusterOf(facts);
  const all = facts.leader || roleOf(facts) !== "worker" || cluster?.fetcher === facts.environment.unit;
  return all ? null : (cluster?.web ?? NOBODY);
}

function planWork(facts: Facts): Step[] {
  const cluster = clusterOf(facts);
  const role = roleOf(facts);
  if (!cluster || !role) return [];
  const steps: Step[] = [];
  if (cluster.generation > (facts.local.followed?.generation ?? 0)) steps.push({ do: "follow", cluster });
  const release = releaseToRun(facts);
  if (release && release.name !== facts.local.current) steps.push({ do: "link-release", ...release });
  const current = release?.name ?? facts.local.current;
  return [
    ...steps,
    ...(role === "web" ? dropWorker(facts) : dropService(facts, WEB_SERVICE)),
    ...(role === "web" ? planWeb(facts, current) : planWorker(facts, current)),
  ];
}

/** The published release, if this unit has it whole before its eyes and may change to it. */
function releaseToRun(facts: Facts): { name: string; manifestSha256: string } | null {
  const target = clusterOf(facts)?.release;
  const found = facts.local.agent?.release;
  if (!target?.manifestSha256 || !found?.verified || target.arch !== facts.local.arch) return null;
  if (found.sha256 !== target.sha256 || found.manifestSha256 !== target.manifestSha256) return null;
  // The lease comes before the link: a clean-up on another unit must see that the release is wanted.
  if (!facts.local.agent?.lease?.includes(found.name)) return null;
  const { current } = facts.local;
  // Another copy of what runs: the link jumps, and the process stays as it is.
  const isSame = isGoodCopy(current, target, damageKnown(facts));
  const ownStore = facts.options.sharedStorage === "none" && isCopyOf(current, target);
  const mayChange = current === null || isSame || ownStore || clusterOf(facts)?.turn === facts.environment.unit;
  return mayChange ? { name: found.name, manifestSha256: found.manifestSha256 } : null;
}
