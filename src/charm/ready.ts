import { WEB_SERVICE, WORKER_SERVICE } from "../concourse/services.ts";
import { firstCopy } from "../store/layout.ts";
import { damageKnown } from "./damage.ts";
import { memberName, NOT_RUNNING, roleOf, versionOf, type Facts, type ServiceFacts } from "./facts.ts";
import { gatewaysOf, isRegistered, wasRegistered } from "./gateways.ts";

/** What runs on this unit, and whether it does its work as seen from outside the process. */

/** A process may run from another copy of the release, unless the programs of just that one are damaged. */
export function runsFrom(facts: Facts, running: string, release: string): boolean {
  const isBad = damageKnown(facts).some((damage) => damage.programs && damage.release === running);
  return firstCopy(running) === firstCopy(release) && (running === release || !isBad);
}

/** The web that runs now answers, as its agent saw; a view from before a restart does not count. */
export function webAnswers({ local }: Facts): boolean {
  const pid = local.services[WEB_SERVICE]?.pid ?? 0;
  return pid > 0 && local.agent?.web?.api === true && local.agent.services[WEB_SERVICE]?.mainPid === pid;
}

/** The role's service runs the release the link leads to, and does its work. */
export function isReady(facts: Facts): boolean {
  const service = running(facts);
  if (!service) return false;
  return roleOf(facts) === "web"
    ? isWebReady(facts)
    : isRegistered(gatewaysOf(facts), memberName(facts.environment), service.since) && canBuild(facts, service.pid);
}

/** The running worker has made a volume and a container. */
const canBuild = ({ local }: Facts, pid: number): boolean =>
  local.agent?.trial?.pid === pid && local.agent.trial.problem === null;

/** What builds run it follows again: from then on a worker may be away for a moment. */
export const hasTakenUp = (facts: Facts): boolean => roleOf(facts) !== "web" || facts.local.agent?.web?.tracks === true;

/**
 * A restart would interrupt something. Of a worker whose web is silent nothing new is known: what that web said last
 * stands, or the web's own restart would let all workers restart at once.
 */
export function isAtWork(facts: Facts): boolean {
  const service = running(facts);
  if (!service) return false;
  return roleOf(facts) === "web"
    ? isWebReady(facts)
    : wasRegistered(gatewaysOf(facts), memberName(facts.environment), service.since);
}

/** The role's service, if it runs the release that the link leads to. */
function running(facts: Facts): ServiceFacts | null {
  const role = roleOf(facts);
  const { services, current } = facts.local;
  if (!role || current === null) return null;
  const service = services[role === "web" ? WEB_SERVICE : WORKER_SERVICE] ?? NOT_RUNNING;
  const isRight = service.active === "active" && service.release !== null && runsFrom(facts, service.release, current);
  return isRight ? service : null;
}

/**
 * The database under the web that runs was made anew: the web goes on answering, and nobody can log in. Only at its start it
 * makes its tables.
 */
export function hasEmptyDatabase(facts: Facts): boolean {
  const { agent } = facts.local;
  return webAnswers(facts) && agent?.web?.database === false && agent.database?.empty === true;
}

function isWebReady(facts: Facts): boolean {
  const web = facts.local.agent?.web;
  return webAnswers(facts) && web?.database === true && web.version === versionOf(facts.local.current);
}
