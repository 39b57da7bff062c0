import type { HookEnvironment } from "../juju/environment.ts";
import type { HookTools } from "../juju/hook-tools.ts";
import { writeApplicationBag } from "../relations/peers.ts";
import { describe, flatten } from "./describe.ts";
import { clusterOf, externalUrl, type Facts } from "./facts.ts";
import { readMachine } from "./machine.ts";
import { asClusterSecret, readFacts } from "./read.ts";
import { describeStore } from "./storage-status.ts";
import { cleanUpReleases, fetchReleaseNow, verifyRelease } from "./store-actions.ts";

/**
 * Runs an action. One that a fault ends fails with the fault in one line: of an exit code Juju would tell nothing else, and
 * what stands on standard error it adds to the results.
 *
 * @throws HookCommandError if Juju does not even take that
 */
export async function runAction(
  name: string,
  environment: HookEnvironment,
  tools: HookTools,
  program: string,
): Promise<void> {
  try {
    await act(name, environment, tools, program);
  } catch (error) {
    console.error(error);
    const [line = name] = (error instanceof Error ? error.message : String(error)).split("\n");
    await tools.fail(line);
  }
}

async function act(name: string, environment: HookEnvironment, tools: HookTools, program: string): Promise<void> {
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
  await tools.setResults({ store: found ?? "new", message: `Adopted in place of ${cluster.store ?? "none"}` });
  // Last: what an action has said Juju commits also if it fails.
  await tools.setBag(peers.relation, "application", writeApplicationBag({ cluster: adopted, secret: null }));
}
