/** Restarts of workers that do their work: what is changed goes from one to the next. */
import { WORKER_SERVICE } from "../../src/concourse/services.ts";
import { isCopyOf } from "../../src/store/layout.ts";
import type { Verb } from "../../src/charm/plan.ts";
import { committed } from "../world/committed.ts";
import type { SimUnit } from "../world/unit.ts";

export class Restarts {
  readonly #report: (rule: string, message: string) => void;
  readonly #world: SimUnit["world"];
  /** Workers that the charm has restarted in mid-work, by their process: it is away until that is up. */
  readonly #away = new Map<SimUnit, number>();
  readonly #known = new Map<SimUnit, number>();

  constructor(world: SimUnit["world"], report: (rule: string, message: string) => void) {
    this.#world = world;
    this.#report = report;
  }

  /** The charm is about to do this with a service. */
  served(unit: SimUnit, service: string, verb: Verb): void {
    if (service !== WORKER_SERVICE || verb !== "restart" || !this.#works(unit)) return;
    const { application } = unit.juju;
    const other = [...this.#away.keys()].find((one) => one.juju.application === application && this.#isAway(one));
    // A controller that was set back gives old turns anew.
    if (other !== undefined && other !== unit && !this.#world.restored)
      this.#report("one worker restarts after the other", `${unit.name} while ${other.name} is away`);
    this.#away.set(unit, unit.services.get(service).pid);
  }

  /** A hook has ended: a unit that says that it is active has heard that this process is registered, and is back. */
  told(unit: SimUnit): void {
    if (unit.juju.status.status !== "active") return;
    const { pid } = unit.services.get(WORKER_SERVICE);
    this.#known.set(unit, pid);
    if (pid !== this.#away.get(unit)) this.#away.delete(unit);
  }

  /** It runs the release that is to run, and builds may run in it, as far as the unit could know. */
  #works(unit: SimUnit): boolean {
    const { services, memory } = unit;
    const { pid, listensAt, release } = services.get(WORKER_SERVICE);
    // A version that begins to go round takes the turn away from whoever restarts for its settings.
    const target = committed(unit.juju.application)?.release ?? null;
    const isRight = target !== null && isCopyOf(memory.current, target) && isCopyOf(release, target);
    return pid > 0 && this.#known.get(unit) === pid && this.#world.scheduler.steady >= listensAt && isRight;
  }

  /** Still with the process that was put in place of the one that worked, unless it is to be a worker no more. */
  #isAway(unit: SimUnit): boolean {
    const { pid, listensAt, enabled } = unit.services.get(WORKER_SERVICE);
    const isNext = pid !== this.#away.get(unit);
    const isUp = isNext && pid > 0 && this.#world.scheduler.steady >= listensAt;
    if (isUp || !enabled || !unit.up || unit.juju.dead) this.#away.delete(unit);
    return this.#away.has(unit);
  }
}
