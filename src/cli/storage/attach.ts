/** `storage attach` and `detach` for models of Juju: sees, decides, acts, asks, and tells each unit's outcome in one line. */

import { UserError } from "../../errors.ts";
import type { Exec, Ports } from "../../ports.ts";
import { askUntilSeen, described, isSeen } from "./ask.ts";
import { ClientError, output } from "./clients.ts";
import { addWords, listInstances, removeWords, type Client, type Instance } from "./daemons.ts";
import { prepareDirectory } from "./directory.ts";
import { clientsHere } from "./installer.ts";
import type { JujuStatus } from "./documents.ts";
import type { Answer, JujuClient, Model } from "./juju-client.ts";
import { access, planAttach, planDetach, shown, type Decision, type Seen, type Wanted } from "./plan.ts";
import { strangerAmong } from "./sharers.ts";

export interface Outcome {
  readonly unit: string;
  readonly ok: boolean;
  /** Something was changed for it. */
  readonly changed: boolean;
  /** Not ready for it yet: a later run will see to it. */
  readonly waits: boolean;
  readonly text: string;
}

export interface World {
  readonly ports: Pick<Ports, "fs" | "exec" | "clock">;
  readonly juju: JujuClient;
  /** Clients to look for containers with; by default both, as far as a call of them installs nothing. */
  readonly clients?: readonly Client[];
  readonly say: (line: string) => void;
}

export interface AttachRequest {
  readonly model: string | undefined;
  readonly application: string;
  /** Absolute path on this host. */
  readonly directory: string;
  /** Undefined: read-only if the application's option `mode` is `worker`. */
  readonly readOnly: boolean | undefined;
  /** Seconds to wait for units to see the store. */
  readonly wait: number;
}

/** The charm whose units mount a store. */
export const CHARM = "concourse-ci-machine";

/** What is attached where, once everything about it has been looked at. */
export interface Job {
  readonly model: Model;
  readonly wanted: Wanted;
  readonly wait: number;
}

/**
 * Checks the request, makes and marks the directory.
 * @throws UserError if the application, the model or the directory is not as it should be
 */
export async function prepareAttach(world: World, request: AttachRequest): Promise<Job> {
  const { juju, say } = world;
  const { application, directory } = request;
  const model = await juju.model(request.model);
  const status = await juju.status(model.name);
  checkApplication(status, application);
  const options = await juju.options(model.name, application);
  if (options["shared-storage"] !== "lxc")
    say(`${application} does not use it yet: juju config -m ${model.name} ${application} shared-storage=lxc`);
  const readOnly = request.readOnly ?? options["mode"] === "worker";
  const relatedTo = (name: string): readonly string[] | null => relatedIn(status, name);
  const { changes, warnings } = await prepareDirectory(world.ports, directory, (files) =>
    strangerAmong(files, { modelUuid: model.uuid, application, relatedTo }),
  );
  for (const line of [...changes, ...warnings.map((warning) => `WARNING ${warning}`)]) say(line);
  return { model, wanted: { application, source: directory, readOnly }, wait: request.wait };
}

/** @throws UserError if there is no such application, or it is none of ours */
export function checkApplication({ model, applications }: JujuStatus, application: string): void {
  const found = applications[application];
  if (found === undefined)
    throw new UserError(
      `application "${application}" not found in model ${model.name}`,
      `There are: ${Object.keys(applications).join(", ") || "none"}`,
    );
  refuseOtherCharm(application, found["charm-name"] ?? "");
}

/** @throws UserError for a charm that mounts no store */
export function refuseOtherCharm(application: string, charm: string): void {
  if (charm === CHARM) return;
  throw new UserError(`application "${application}" runs charm ${charm}, which uses no shared directory`);
}

export function isOurs({ applications }: Pick<JujuStatus, "applications">, application: string): boolean {
  return applications[application]?.["charm-name"] === CHARM;
}

/** Applications of our charm that one is related to; null for one that this model does not hold. */
function relatedIn({ applications }: JujuStatus, application: string): readonly string[] | null {
  const found = applications[application];
  if (found === undefined) return null;
  if (found["charm-name"] !== CHARM) return [];
  return Object.values(found.relations ?? {}).flatMap((ends) => ends.map((end) => end["related-application"]));
}

export async function look(world: World, model: Model): Promise<Seen> {
  const status = await world.juju.status(model.name);
  return { status, model, instances: await listInstances(world.ports.exec, world.clients ?? clientsHere()) };
}

/** Attaches what is missing; every unit's outcome, in order. Changes nothing where all is as it should be. */
export async function attachMissing(world: World, job: Job): Promise<{ seen: Seen; outcomes: Outcome[] }> {
  const seen = await look(world, job.model);
  const outcomes = [];
  for (const decision of planAttach(seen, job.wanted)) {
    const outcome = await act(world.ports.exec, decision);
    outcomes.push(outcome);
    if (outcome.ok && decision.act === "attach" && decision.disk.readOnly) world.say(untilRestarted(decision.instance));
  }
  return { seen, outcomes };
}

/**
 * The kernel locks the mounts that a container starts with; one that is plugged in later, its root may mount anew (Incus 6.0.4
 * on Linux 6.18: `mount -o remount,bind,rw`).
 */
function untilRestarted({ client, project, name }: Instance): string {
  const restart = shown([client, "restart", `local:${name}`, "--project", project]);
  return `WARNING root in ${name} can make it writable until the container is restarted: ${restart}`;
}

/** The outcomes with what their units see of the store, if the directory is attached to them. */
export async function withAnswers(
  world: World,
  job: Job,
  seen: Seen,
  outcomes: readonly Outcome[],
): Promise<Outcome[]> {
  const attached = outcomes.filter(({ ok }) => ok).map(({ unit }) => unit);
  const ask = (unit: string): Promise<Answer> => askConnected(world.juju, seen, unit, job.wait);
  const answers = await askUntilSeen(attached, ask, job.wait * 1000);
  return outcomes.map((outcome) => {
    const answer = answers.get(outcome.unit);
    if (answer === undefined) return outcome;
    return { ...outcome, ok: isSeen(answer), text: `${outcome.text}; ${described(answer)}` };
  });
}

/** Only a unit whose agent answers is asked: another one would be waited for in vain. */
export async function askConnected(juju: JujuClient, seen: Seen, unit: string, seconds: number): Promise<Answer> {
  const [application = ""] = unit.split("/");
  const agent = seen.status.applications[application]?.units?.[unit]?.["juju-status"];
  if (!["idle", "executing"].includes(agent?.current ?? ""))
    return { silence: `its Juju agent is ${agent?.current ?? "unknown"}` };
  return juju.storageStatus(seen.model.name, unit, seconds);
}

export async function detach(world: World, model: Model, application: string): Promise<Outcome[]> {
  const seen = await look(world, model);
  checkApplication(seen.status, application);
  const outcomes = [];
  for (const decision of planDetach(seen, application)) outcomes.push(await act(world.ports.exec, decision));
  return outcomes;
}

/** One unit that cannot be served is no reason to leave the others without. */
async function act(exec: Exec, decision: Decision): Promise<Outcome> {
  const { unit } = decision;
  if (decision.act === "refuse")
    return { unit, ok: false, changed: false, waits: decision.waits, text: `not done: ${decision.reason}` };
  const done = { unit, ok: true, changed: decision.act !== "keep", waits: false };
  const { instance } = decision;
  if (decision.act === "keep") {
    const { attached } = decision;
    if (attached === null) return { ...done, text: `nothing attached to ${instance.name}` };
    return { ...done, text: `attached already to ${instance.name} as "${attached.device}", ${access(attached)}` };
  }
  const { act: verb, disk } = decision;
  try {
    await output(exec, verb === "attach" ? addWords(instance, disk) : removeWords(instance, disk.device));
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ...done, ok: false, changed: false, text: `not done: ${error.message}${hint(error)}` };
  }
  if (verb === "detach") return { ...done, text: `detached "${disk.device}" from ${instance.name}` };
  return { ...done, text: `attached to ${instance.name} as "${disk.device}", ${access(disk)}` };
}

/** `shift=true` needs idmapped mounts of the kernel for this file system. */
function hint({ said }: ClientError): string {
  return /idmap|shift/i.test(said)
    ? ". Its file system cannot map owners: use ext4, xfs or btrfs on a recent kernel"
    : "";
}
