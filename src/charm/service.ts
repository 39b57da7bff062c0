import { createHash } from "node:crypto";
import { CONFIG_HASH, unitFile, WEB_SERVICE } from "../concourse/services.ts";
import { environmentFile, FILES, type Settings } from "../concourse/settings.ts";
import { firstCopy } from "../store/layout.ts";
import { damageKnown } from "./damage.ts";
import { NOT_RUNNING, type Facts, type ServiceFacts } from "./facts.ts";
import type { Step } from "./plan.ts";

export interface FileWanted {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly owner: "root" | "concourse";
  /** See the step `write`. */
  readonly inPlace?: boolean;
}

/**
 * Files and state of one service. It restarts exactly when the running process was started with something else than what
 * it should run with: the process itself says so (its environment, and where its program lies), no note of ours.
 */
export function runService(
  facts: Facts,
  service: string,
  unit: string,
  environmentPath: string,
  settings: Settings,
  files: readonly FileWanted[],
  hashed: readonly FileWanted[],
  release: string,
): Step[] {
  const hash = createHash("sha256")
    .update(JSON.stringify([unit, settings, hashed.map(({ path, content }) => [path, content]), firstCopy(release)]))
    .digest("hex");
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
  const verb = verbFor(
    facts.local.services[service] ?? NOT_RUNNING,
    hash,
    (running) => runsFrom(facts, running, release),
    facts.local.files[environmentPath] !== environment.content,
  );
  return verb ? [...steps, { do: "service", service, verb }] : steps;
}

/** A process may run from another copy of the release, unless the programs of just that one are damaged. */
export function runsFrom(facts: Facts, running: string, release: string): boolean {
  const isBad = damageKnown(facts).some((damage) => damage.programs && damage.release === running);
  return firstCopy(running) === firstCopy(release) && (running === release || !isBad);
}

function verbFor(
  now: ServiceFacts,
  hash: string,
  isRight: (running: string) => boolean,
  changed: boolean,
): "start" | "restart" | null {
  // Between two attempts of systemd, and between its fork and its exec, there is no process to ask.
  if (now.active === "activating") return changed ? "restart" : null;
  if (now.pid === 0) return "start";
  return now.config === hash && (now.release === null || isRight(now.release)) ? null : "restart";
}

/** Concourse is started only where its release can be read; what runs is left alone when the store is away. */
export const storeThere = ({ local }: Facts): boolean =>
  local.agent?.store.mounted === true && !local.agent.store.problem;

/** A unit that loses a role stops that service and forgets its secrets. */
export function dropService(facts: Facts, service: string): Step[] {
  const { files, services } = facts.local;
  const mine =
    service === WEB_SERVICE
      ? [FILES.webEnvironment, FILES.sessionSigningKey, FILES.tsaHostKey, FILES.authorizedKeys, FILES.databaseCa]
      : [FILES.workerEnvironment, FILES.tsaPublicKey, FILES.workerScript, FILES.workerResolver];
  const state = services[service] ?? NOT_RUNNING;
  const stop: Step[] =
    state.enabled || ["active", "activating", "reloading"].includes(state.active)
      ? [{ do: "service", service, verb: "stop" }]
      : [];
  const left = [...mine, unitFile(service)].filter((path) => (files[path] ?? null) !== null);
  if (left.length === 0) return stop;
  return [...stop, ...left.map((path): Step => ({ do: "remove", path })), { do: "reload-units" }];
}

export const write = (path: string, content: string): Step => ({
  do: "write",
  path,
  content,
  mode: 0o644,
  owner: "root",
});
