import type { Status } from "../juju/hook-tools.ts";
import { clusterOf, type Facts } from "./facts.ts";
import { badGateways, gatewaysOf } from "./gateways.ts";
import { afterOld, blocked, counted } from "./status-words.ts";

/** What is wrong with the relations between webs and workers: the first of these that holds. */
export function wrongRelations(facts: Facts): Status | null {
  const mode = clusterOf(facts)?.mode;
  if (!mode) return null;
  return mode === "worker" ? wrongForWorkers(facts) : wrongForWebs(facts);
}

function wrongForWorkers(facts: Facts): Status | null {
  const { application } = facts.environment;
  const { flight, tsa } = facts;
  const integrate = `juju integrate ${application}:flight <web-app>:tsa`;
  if (!flight)
    return facts.ending.includes("flight") ? afterOld(integrate) : blocked(`Relate to a web application: ${integrate}`);
  const [second] = facts.surplusFlights;
  if (second !== undefined)
    return blocked(
      `Workers serve one web application, ${flight.application}: juju remove-relation ${application}:flight ${second}:tsa`,
    );
  const [other] = tsa;
  if (other)
    return blocked(
      `With mode=worker there is no web for workers: juju remove-relation ${application}:tsa ${other.application}:flight`,
    );
  const bad = badGateways(gatewaysOf(facts));
  return bad.length > 0 ? blocked(`Unreadable TSA key from ${counted(bad)}: juju resolved or remove that unit`) : null;
}

function wrongForWebs({ environment, flight }: Facts): Status | null {
  return flight
    ? blocked(
        `Relation flight is for mode=worker: juju remove-relation ${environment.application}:flight ${flight.application}:tsa`,
      )
    : null;
}
