import { NEW_CLUSTER_SECRET_FILE } from "../agent/contract.ts";
import type { HookEnvironment } from "../juju/environment.ts";
import type { HookTools } from "../juju/hook-tools.ts";
import type { Facts, LocalFacts } from "./facts.ts";
import { NotYet, plan, planOrders, type Step } from "./plan.ts";
import { publication, publish } from "./publish.ts";
import { readFacts } from "./read.ts";
import { status } from "./status.ts";

/** The machine as a reconcile sees it; `machine.ts` and `apply.ts` are the real one. */
export interface Machine {
  /** @param webPort looked at for strangers while our web does not answer */
  readonly read: (webPort: number) => Promise<LocalFacts>;
  /** Throws `NotYet` where the machine is not what the facts said any more. */
  readonly apply: (step: Step, facts: Facts) => Promise<void>;
}

/**
 * One reconcile for every event: facts → plan → apply → tell.
 *
 * @throws Error that ends the hook with a failure, which Juju shows and tries again
 */
export async function reconcile(environment: HookEnvironment, tools: HookTools, machine: Machine): Promise<Facts> {
  let facts = await readFacts(environment, tools, machine.read);
  const steps = plan(facts);
  const early = await applyAll(steps, facts, machine);
  if (steps.length > 0) facts = { ...facts, local: await machine.read(facts.options.webPort) };
  const words = publication(facts, status(facts));
  await publish(words, tools);
  // Last, since they acknowledge what the agent said: a hook that fails before has not heard it.
  // The end of a removed relation is no event for whoever has left it, nor are a unit's own words.
  const comesBack = early || facts.ending.length > 0 || words.again;
  for (const step of planOrders(comesBack ? unheard(facts) : facts)) await machine.apply(step, facts);
  // Once Juju has the secret, the file it was made from is one copy too many.
  if (facts.secret.exists && facts.local.agent?.clusterSecretReady)
    await machine.apply({ do: "remove", path: NEW_CLUSTER_SECRET_FILE }, facts);
  return facts;
}

/** Ends before a step whose time has not come: nothing is started on what it would have brought. True if there was one. */
async function applyAll(steps: readonly Step[], facts: Facts, machine: Machine): Promise<boolean> {
  try {
    for (const step of steps) {
      if (isBeforeItsOrder(step, facts)) return true;
      await machine.apply(step, facts);
    }
    return false;
  } catch (error) {
    if (error instanceof NotYet) return true;
    throw error;
  }
}

/**
 * The agent may read orders late, and gives up what they do not name: a link must not jump under a lease that an earlier
 * order has left on the store. Orders that name the release are written at this hook's end, and every later one names it
 * as long as the link leads there.
 */
const isBeforeItsOrder = (step: Step, { local }: Facts): boolean =>
  step.do === "link-release" && !local.orders?.store.lease.includes(step.name);

/** As if the agent had not been heard: it wakes the charm until the step's time has come, whether it finds anything new or not. */
function unheard(facts: Facts): Facts {
  const { agent } = facts.local;
  return { ...facts, local: { ...facts.local, agent: agent && { ...agent, sequence: 0 } } };
}
