import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";
import { cleanUpTask } from "./clean-up.ts";
import { clusterSecretTask } from "./cluster-secret.ts";
import { databaseTask } from "./database.ts";
import { fetchTask } from "./fetch.ts";
import { holdLeasesTask, leaseTask } from "./lease.ts";
import { preflightTask } from "./preflight.ts";
import { probeTask } from "./probe.ts";
import { publicFactsTask } from "./public-facts.ts";
import { releaseTask } from "./release.ts";
import { resolveTask } from "./resolve.ts";
import { scrubTask } from "./scrub.ts";
import { servicesTask } from "./services.ts";
import { storeTask } from "./store.ts";
import { trialTask } from "./trial.ts";
import { webTask } from "./web.ts";
import { workerKeyTask } from "./worker-key.ts";

/** Everything the agent does. */
export const TASKS: readonly ((world: TaskWorld) => Task)[] = [
  storeTask,
  leaseTask,
  holdLeasesTask,
  resolveTask,
  fetchTask,
  releaseTask,
  scrubTask,
  cleanUpTask,
  publicFactsTask,
  workerKeyTask,
  preflightTask,
  trialTask,
  clusterSecretTask,
  databaseTask,
  webTask,
  probeTask,
  servicesTask,
].map((make) => make as (world: TaskWorld) => Task);
