import { createHash } from "node:crypto";
import { CONFIG_HASH, unitFile, WEB_SERVICE } from "../concourse/services.ts";
import { environmentFile, FILES, type Settings } from "../concourse/settings.ts";
import { firstCopy } from "../store/layout.ts";
import { clusterOf, NOT_RUNNING, type Facts, type ServiceFacts } from "./facts.ts";
import type { Step } from "./plan.ts";
import { isAtWork, runsFrom } from "./ready.ts";

export interface FileWanted {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly owner: "root" | "concourse";
  /** See the step `write`. */
  readonly inPlace?: boolean;
}

/** A service as it should be. */
export interface ServiceWanted {
  readonly service: string;
  /** Text of the unit file. */
  readonly unit: string;
  readonly environmentPath: string;
  readonly settings: Settings;
  readonly files: readonly FileWanted[];
  /** Those of the files that a running process takes up by a restart only. */
  readonly hashed: readonly FileWanted[];
  /** Directory of the release that it runs from. */
  readonly release: string;
}

/**
 * Files and state of one service. It restarts exactly when the running process was started with something else than what
 * it should run with: the process itself says so (its environment, and where its program lies), no note of ours. A
 * process that does its work goes on with its old settings until it is the unit's turn.
 */
export function runService(facts: Facts, wanted: ServiceWanted): Step[] {
  const { service, unit, environmentPath, settings, files } = wanted;
  const hash = hashOf(wanted);
  const environment: FileWanted = {
    path: environmentPath,
    content: environmentFile({ ...settings, [CONFIG_HASH]: hash }),
    mode: 0o600,
    owner: "root",
  };
  const steps: Step[] = [...files, environment]
    .filter(({ path, content }) => facts.local.files[path] !== content)
    .map((file) => ({ do: "write", ...file }));
  if (facts.local.files[unitFile(service)] !== unit) steps.push(write(unitFile(service), unit), { do: "reload-units" });
  const verb = verbFor(facts, wanted, hash, facts.local.files[environmentPath] !== environment.content);
  return verb ? [...steps, { do: "service", service, verb }] : steps;
}

const hashOf = ({ unit, settings, hashed, release }: ServiceWanted): string =>
  createHash("sha256")
    .update(JSON.stringify([unit, settings, hashed.map(({ path, content }) => [path, content]), firstCopy(release)]))
    .digest("hex");

function verbFor(facts: Facts, wanted: ServiceWanted, hash: string, changed: boolean): "start" | "restart" | null {
  const now = facts.local.services[wanted.service] ?? NOT_RUNNING;
  // Between two attempts of systemd, and between its fork and its exec, there is no process to ask.
  if (now.active === "activating") return changed ? "restart" : null;
  if (now.pid === 0) return "start";
  if (!isOfRelease(facts, now, wanted)) return "restart";
  if (now.config === hash) return null;
  return hasOtherSettings(facts, wanted) && !hasTurn(facts) ? null : "restart";
}

/** It does its work, with the right release, and says that it was started with other settings than it should have. */
export function hasOtherSettings(facts: Facts, wanted: ServiceWanted): boolean {
  const now = facts.local.services[wanted.service] ?? NOT_RUNNING;
  if (now.config === null || now.config === hashOf(wanted)) return false;
  return isAtWork(facts) && isOfRelease(facts, now, wanted);
}

const isOfRelease = (facts: Facts, now: ServiceFacts, { release }: ServiceWanted): boolean =>
  now.release === null || runsFrom(facts, now.release, release);

/** A turn that this unit did not ask for may be one that it has had: the leader is about to give it to somebody else. */
const hasTurn = (facts: Facts): boolean =>
  clusterOf(facts)?.turn === facts.environment.unit && facts.peers?.report?.restart === true;

/** Concourse is started only where its release can be read; what runs is left alone when the store is away. */
export const storeThere = ({ local }: Facts): boolean =>
  local.agent?.store.mounted === true && !local.agent.store.problem;

/**
 * A unit that loses a role stops that service, and forgets its files and secrets once it is down: systemd reads the unit as
 * it stops too, how long it may take and what to run afterwards, and a unit that is gone has neither.
 */
export function dropService(facts: Facts, service: string): Step[] {
  const { files, services } = facts.local;
  const { active, enabled } = services[service] ?? NOT_RUNNING;
  if (enabled || ["active", "activating", "reloading"].includes(active))
    return [{ do: "service", service, verb: "stop" }];
  if (!["inactive", "failed"].includes(active)) return [];
  const mine =
    service === WEB_SERVICE
      ? [FILES.webEnvironment, FILES.sessionSigningKey, FILES.tsaHostKey, FILES.authorizedKeys, FILES.databaseCa]
      : [FILES.workerEnvironment, FILES.tsaPublicKey, FILES.workerScript, FILES.workerResolver];
  const left = [...mine, unitFile(service)].filter((path) => (files[path] ?? null) !== null);
  return left.length === 0 ? [] : [...left.map((path): Step => ({ do: "remove", path })), { do: "reload-units" }];
}

export const write = (path: string, content: string): Step => ({
  do: "write",
  path,
  content,
  mode: 0o644,
  owner: "root",
});
