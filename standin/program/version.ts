/** Which Concourse this stands for, and the facts that differ between versions. */

import { gte } from "semver";

declare const STAND_IN_VERSION: string;

/** Set when the program is bundled. */
export const VERSION: string = STAND_IN_VERSION;

/** True from `version` on; a release candidate counts as its release. */
const since = (version: string): boolean => gte(VERSION.split(/[-+]/)[0] ?? VERSION, version);

/** Worker wire version (concourse/concourse, versions.go): 2.5 from 7.10 on, 3.0 from 8.3 on. */
export const WORKER_VERSION: string = since("8.3.0") ? "3.0" : "2.5";

/** Newest database migration the version knows (concourse/concourse, atc/db/migration/migrations). */
export const MIGRATION: number = since("8.3.0") ? 1783024587 : since("8.0.0") ? 1776182280 : 1746768931;

/** Connection attempts are retried at start, migrations create pgcrypto, containerd options are more. */
export const AT_LEAST_8_0: boolean = since("8.0.0");
/** SIGHUP also reloads the TLS certificate; the worker's health page has a body. */
export const AT_LEAST_8_2: boolean = since("8.2.0");
/** `/api/v1/health`, and land and retire need the worker in the request. */
export const AT_LEAST_8_3: boolean = since("8.3.0");
/** Containerd is the default runtime on amd64 too. */
export const DEFAULT_RUNTIME: "containerd" | "guardian" =
  AT_LEAST_8_0 || process.arch === "arm64" ? "containerd" : "guardian";
