import { AGENT_SERVICE, unitFile, WEB_SERVICE, WORKER_SERVICE } from "../concourse/services.ts";
import { FILES } from "../concourse/settings.ts";
import type { Facts } from "./facts.ts";
import { HOSTS_FILE, withTsaHost } from "./hosts.ts";
import type { Step } from "./plan.ts";

/**
 * All that is left to do once `stop` has begun, however often and from whichever hook it is asked: services first, then
 * the agent, then what they ran with. The work directory's containers and the store's releases are others' business.
 */
export function tearDown({ local, alive }: Facts): Step[] {
  const steps: Step[] = [];
  for (const service of [WEB_SERVICE, WORKER_SERVICE, AGENT_SERVICE]) {
    const state = local.services[service];
    if (state && (state.pid > 0 || state.enabled || state.active === "activating"))
      steps.push({ do: "service", service, verb: "end" });
  }
  // Whoever leaves has seen all its peers depart: only Juju knows who stays. Where it cannot tell, the name stays as well.
  if (local.claimed) steps.push({ do: "give-up-lease", last: alive?.length === 0 });
  const units = [WEB_SERVICE, WORKER_SERVICE, AGENT_SERVICE].map(unitFile);
  const files = [...Object.values(FILES), ...units].filter((path) => (local.files[path] ?? null) !== null);
  steps.push(...files.map((path): Step => ({ do: "remove", path })));
  if (files.some((path) => units.includes(path))) steps.push({ do: "reload-units" });
  const hosts = local.files[HOSTS_FILE] ?? "";
  if (withTsaHost(hosts, []) !== hosts)
    steps.push({ do: "write", path: HOSTS_FILE, content: withTsaHost(hosts, []), mode: 0o644, owner: "root" });
  if (local.claimed) steps.push({ do: "clear-machine" });
  return steps;
}
