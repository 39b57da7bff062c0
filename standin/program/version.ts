/** Which Concourse this stands for, and the facts that differ between versions. */

import { gte } from "semver";

declare const STAND_IN_VERSION: string;

/** Set when the program is bundled. */
export const VERSION: string = STAND_IN_VERSION;

/** True from `version` on; a release candidate counts as its release. */
const since = (version: string): boolean => gte(VERSION.split(/[-+]/)[0] ?? VERSION, version);

/** Worker wire version (concourse/concourse, versions.go): 2.5 from 7.10 on, 3.0 from 8.3 on. */
export const WORKER_VERSION: string = since("8.3.0") ? "3.0" : "2.5";

/** Migrations that a version brought, from the newest of 7.14 on (concourse/concourse, atc/db/migration/migrations). */
const BROUGHT: readonly (readonly [version: string, ...migrations: number[]])[] = [
  ["0.0.0", 1746768931],
  ["8.0.0", 1747084615, 1765921815],
  ["8.1.0", 1771492499],
  ["8.2.0", 1772140118, 1773181582, 1776182280],
  ["8.3.0", 1783024587],
];

/** Migrations the version knows, oldest first. */
export const MIGRATIONS: readonly number[] = BROUGHT.flatMap(([version, ...own]) => (since(version) ? own : []));

/** The newest of them. */
export const MIGRATION: number = MIGRATIONS.at(-1) ?? 0;

/** Connection attempts are retried at start, migrations create pgcrypto, containerd options are more. */
export const AT_LEAST_8_0: boolean = since("8.0.0");
/** Devices may be allowed to containers. */
export const AT_LEAST_8_1: boolean = since("8.1.0");
/** SIGHUP also reloads the TLS certificate; the worker's health page has a body. */
export const AT_LEAST_8_2: boolean = since("8.2.0");
/** `/api/v1/health`, and land and retire need the worker in the request. */
export const AT_LEAST_8_3: boolean = since("8.3.0");
/** Containerd is the default runtime on amd64 too. */
export const DEFAULT_RUNTIME: "containerd" | "guardian" =
  AT_LEAST_8_0 || process.arch === "arm64" ? "containerd" : "guardian";
