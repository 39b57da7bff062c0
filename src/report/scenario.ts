/**
 * The scenario of every deployment report: two units on shared storage, one downloads and the other waits; PostgreSQL;
 * everything ready; then one unit after the other is added. Speaks Juju's verbs only, and writes down what it sees.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { Engine, Prepared } from "./engine.ts";
import type { Evidence, LockSighting, Moments, StatusDocument, UnitDocument } from "./evidence.ts";
import { Juju } from "./juju.ts";
import { LOCK_SCRIPT, parseLook } from "./look.ts";
import { APPLICATION, DATABASE, unitsOf } from "./names.ts";
import { observe } from "./observe.ts";

const FIRST_UNITS = 2;
/** Milliseconds between two looks at `status`: exact times come from the status log. */
const LOOK_EVERY = 500;

export interface ReplayOptions {
  /** Units of Concourse in the end, at least two. */
  readonly units: number;
  /** Milliseconds without any change in status after which a step counts as stuck. */
  readonly patience: number;
  readonly signal: AbortSignal;
  /** Told what is being done, one line each. */
  readonly say: (line: string) => void;
}

/** Runs the scenario. A step that gets stuck is the last one; what there is then is looked at all the same. */
export async function replay(engine: Engine, options: ReplayOptions): Promise<Evidence> {
  const started = Date.now();
  const prepared = await engine.prepare(options.say);
  const run = new Replay(prepared, new Juju(engine.words, prepared.model, options.signal), options);
  const steps = {
    deployment: "deploy",
    publication: "awaitPublication",
    integration: "integrate",
    scaling: "scale",
  } as const;
  for (const [name, act] of Object.entries(steps)) if (!(await run.step(name, () => run[act]()))) break;
  options.say("Looking at everything");
  const seen = await observe(run.juju, prepared, engine);
  const { units } = options;
  const { version, databaseChannel, configuration, limitations } = prepared;
  const { lockSightings, problems } = run;
  return {
    ...seen,
    started,
    ended: Date.now(),
    version,
    databaseChannel,
    units,
    firstUnits: FIRST_UNITS,
    configuration,
    limitations,
    moments: run.moments,
    lockSightings,
    problems: [...problems, ...seen.problems],
  };
}

class Replay {
  readonly juju: Juju;
  readonly lockSightings: LockSighting[] = [];
  readonly problems: string[] = [];
  readonly #prepared: Prepared;
  readonly #options: ReplayOptions;
  readonly #added: { unit: string; at: number }[] = [];
  #moments: Omit<Moments, "added"> = { deployed: 0, published: null, integrated: null };

  constructor(prepared: Prepared, juju: Juju, options: ReplayOptions) {
    this.#prepared = prepared;
    this.juju = juju;
    this.#options = options;
  }

  get moments(): Moments {
    return { ...this.#moments, added: this.#added };
  }

  /** True if the step did what it should. What went wrong is noted, unless it is that the person wants to stop. */
  async step(name: string, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.problems.push(`${name}: ${(error as Error).message}`);
      this.#options.say(`${name}: ${(error as Error).message}`);
      return false;
    }
  }

  async deploy(): Promise<void> {
    const { say } = this.#options;
    const { charm, databaseWords, deployWords, exposeWords } = this.#prepared;
    await this.juju.call("deploy", ...databaseWords);
    say(`Deploying ${FIRST_UNITS} units of Concourse`);
    const options = ["--config", "shared-storage=lxc", "--config", "mode=auto", ...deployWords];
    this.#moments = { ...this.#moments, deployed: Date.now() };
    await this.juju.call("deploy", charm, APPLICATION, "-n", String(FIRST_UNITS), ...options);
    await this.juju.call("expose", APPLICATION, ...exposeWords);
  }

  /** Watches lock and store through the units' eyes until a release is there. */
  async awaitPublication(): Promise<void> {
    this.#options.say("Waiting for the release: one unit downloads, the other waits");
    await this.#until("the release is published", async (status) => {
      const units = Object.keys(unitsOf(status, APPLICATION));
      if (!units.every((unit) => isConnected(unitsOf(status, APPLICATION)[unit]))) return false;
      const looks = Object.entries(await this.juju.exec(units, LOCK_SCRIPT)).map(
        ([unit, output]) => [unit, parseLook(output)] as const,
      );
      const releases = looks[0]?.[1].releases ?? {};
      this.lockSightings.push({
        at: Date.now(),
        holders: looks.filter(([, look]) => look.lockHeld).map(([unit]) => unit),
        releases: Object.keys(releases),
      });
      this.#moments = { ...this.#moments, published: Object.values(releases).toSorted()[0] ?? null };
      return this.#moments.published !== null;
    });
  }

  async integrate(): Promise<void> {
    this.#options.say("Integrating PostgreSQL");
    this.#moments = { ...this.#moments, integrated: Date.now() };
    await this.juju.call("integrate", `${APPLICATION}:postgresql`, DATABASE);
    await this.#untilActive(FIRST_UNITS);
  }

  async scale(): Promise<void> {
    for (let count = FIRST_UNITS + 1; count <= this.#options.units; count++) {
      this.#options.say(`Adding unit ${count} of ${this.#options.units}`);
      const before = unitsOf(await this.juju.status(), APPLICATION);
      const at = Date.now();
      await this.juju.call("add-unit", APPLICATION);
      const after = unitsOf(await this.juju.status(), APPLICATION);
      const unit = Object.keys(after).find((name) => before[name] === undefined);
      if (unit === undefined) throw new Error("add-unit added no unit");
      this.#added.push({ unit, at });
      await this.#untilActive(count);
    }
  }

  async #untilActive(count: number): Promise<void> {
    await this.#until(`${count} units and PostgreSQL active`, async (status) => {
      const units = [...Object.values(unitsOf(status, APPLICATION)), ...Object.values(unitsOf(status, DATABASE))];
      return units.length === count + 1 && units.every(isReady);
    });
  }

  /** @throws Error when nothing in status has changed for too long. */
  async #until(what: string, met: (status: StatusDocument) => Promise<boolean>): Promise<void> {
    const { signal, patience } = this.#options;
    let last = "";
    let changed = Date.now();
    for (;;) {
      const status = await this.juju.status();
      if (await met(status)) return;
      const picture = summary(status);
      if (picture !== last) [last, changed] = [picture, Date.now()];
      if (Date.now() - changed > patience) throw new Error(`still waiting until ${what}: ${last}`);
      await pause(LOOK_EVERY, undefined, { signal });
    }
  }
}

/** Its Juju agent has begun to work: commands can be run. */
function isConnected(unit: UnitDocument | undefined): boolean {
  return ["executing", "idle"].includes(unit?.["juju-status"].current ?? "");
}

function isReady(unit: UnitDocument): boolean {
  return unit["workload-status"].current === "active" && unit["juju-status"].current === "idle";
}

function summary(status: StatusDocument): string {
  return [APPLICATION, DATABASE]
    .flatMap((application) => Object.entries(unitsOf(status, application)))
    .map(([name, unit]) => `${name} ${unit["workload-status"].current} (${unit["workload-status"].message ?? ""})`)
    .join(", ");
}
