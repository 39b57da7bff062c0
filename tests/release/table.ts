/** The conformance table, in the order in which it is run: later rows find what earlier ones left. */

import type { Row } from "./row.ts";
import * as builds from "./rows/builds.ts";
import * as flags from "./rows/flags.ts";
import { outside } from "./rows/outside.ts";
import * as restarts from "./rows/restarts.ts";
import { starts } from "./rows/start.ts";
import * as versions from "./rows/versions.ts";
import * as web from "./rows/web.ts";
import * as workers from "./rows/workers.ts";

export const TABLE: readonly Row[] = [
  workers.registration,
  flags.urls,
  flags.news,
  flags.bad,
  flags.known,
  ...starts,
  versions.schema,
  versions.checks,
  builds.pipeline,
  builds.execute,
  outside,
  restarts.hijack,
  workers.newKey,
  workers.land,
  workers.retire,
  workers.stall,
  web.openRequests,
  web.patience,
  restarts.webs,
  restarts.agents,
  restarts.worker,
  restarts.logLevel,
  restarts.manyRestarts,
  versions.upgradeWithBuilds,
  versions.upgrade,
  versions.back,
  versions.downAndBack,
];
