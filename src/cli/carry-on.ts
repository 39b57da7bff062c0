/** What `up` may be asked for where Concourse is deployed already: nothing else than what is there. */

import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { Reach } from "../machines/machine.ts";
import { lineNamed } from "../model/state/juju-line.ts";
import type { Origin } from "../model/supervisor/record.ts";
import type { ReleaseChoice } from "./release-source.ts";

/** Options of `up`; undefined = not given. */
export interface Wanted {
  readonly model: string;
  readonly machines: string | undefined;
  /** "" = not given. */
  readonly agentVersion: string;
  readonly reach: Reach | undefined;
  readonly units: number | undefined;
  /** Units of a worker application of its own; the others are webs then. */
  readonly workers: number | undefined;
  /** "" = the newest. */
  readonly version: string | undefined;
  readonly release: ReleaseChoice | undefined;
  readonly releaseFile: string | undefined;
  readonly sharedDirectory: string | undefined;
  readonly charm: string | undefined;
}

export interface Deployed {
  readonly application: string;
  /** Names, in their order. */
  readonly units: readonly string[];
  /** Option `mode`. */
  readonly mode: string;
  /** Name of the worker application, and its units' names in their order; null where there is none. */
  readonly workers: { readonly application: string; readonly units: readonly string[] } | null;
  /** Option `version`; "" = the newest. */
  readonly version: string;
  /** Option `release-mirror`; "" = none. */
  readonly mirror: string;
  /** The directory that all units share, absolute; "" = none. */
  readonly sharedDirectory: string;
}

const reaches: Readonly<Record<Reach, string>> = {
  inside: "are isolated",
  outside: "reach the network",
  host: "reach this host",
};

/** @throws UserError if the model's machines are others, or it plays another Juju. */
export function checkOrigin(
  { model, machines, reach, agentVersion }: Pick<Wanted, "model" | "machines" | "reach" | "agentVersion">,
  has: Pick<Origin, "machines" | "reach" | "juju">,
): void {
  const next = `Take another model with -m, or remove this one with: concourse-machine down -m ${model}`;
  if (machines !== undefined && machines !== has.machines)
    throw new UserError(`machines of model "${model}" are ${has.machines}, not ${machines}`, next);
  if (reach !== undefined && reach !== has.reach)
    throw new UserError(`machines of model "${model}" ${reaches[has.reach]}`, next);
  if (agentVersion !== "" && lineNamed(agentVersion) !== has.juju)
    throw new UserError(`model "${model}" plays Juju ${has.juju}, not ${agentVersion}`, next);
}

/** @throws UserError for the first option that asks for something else than there is; it names the verb for that. */
export function checkDeployed(wanted: Wanted, has: Deployed): void {
  const { application } = has;
  const { version = has.version, release = "auto", releaseFile, sharedDirectory, charm } = wanted;
  const refuse = (what: string, verb: string, ...words: readonly string[]): never => {
    const cause = `up changes nothing in model "${wanted.model}", and ${what}`;
    throw new UserError(cause, `Use: concourse-machine ${[verb, ...words].join(" ")} -m ${wanted.model}`);
  };
  const refuseCount = (name: string, units: readonly string[], count: number | undefined): void => {
    const more = (count ?? units.length) - units.length;
    const cause = `${name === application ? "it" : name} has ${units.length} unit${units.length === 1 ? "" : "s"}, not ${count}`;
    if (more > 0) refuse(cause, "add-unit", name, "-n", String(more));
    if (more < 0) refuse(cause, "remove-unit", ...units.slice(more));
  };
  refuseCount(application, has.units, wanted.units);
  if (wanted.workers !== undefined && has.mode !== "web")
    refuse("its workers are no application of their own", "config", application, "mode=web");
  if (has.workers !== null) refuseCount(has.workers.application, has.workers.units, wanted.workers);
  if (version !== has.version) {
    const [is, not] = [has.version, version].map((one) => (one === "" ? "the newest version" : one));
    const words = version === "" ? ["--reset", "version"] : [`version=${version}`];
    refuse(`it is to run ${is}, not ${not}`, "config", application, ...words);
  }
  if (release === "github" && has.mirror !== "") {
    refuse(`its release comes from ${has.mirror}`, "config", application, "--reset", "release-mirror");
  }
  if (release === "stand-in" && has.mirror === "") {
    refuse("its release comes from no mirror", "config", application, "release-mirror=URL");
  }
  if (releaseFile !== undefined) {
    refuse("it takes no release file", "attach-resource", application, `concourse-release=${resolve(releaseFile)}`);
  }
  if (charm !== undefined) refuse("its charm is there", "refresh", application, "--path", resolve(charm));
  if (sharedDirectory !== undefined && resolve(sharedDirectory) !== has.sharedDirectory) {
    throw new UserError(
      `units of model "${wanted.model}" share ${has.sharedDirectory || "no directory"}, not ${resolve(sharedDirectory)}`,
      `Take another model with -m, or remove this one with: concourse-machine down -m ${wanted.model}`,
    );
  }
}
