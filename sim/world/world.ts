/** The seeded world: models, applications, units, one store, one network, and who goes on when. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import { MARKER } from "../../src/store/layout.ts";
import type { Cluster } from "../../src/relations/peers.ts";
import { Checks } from "../check/checks.ts";
import { Disk } from "../disk/disk.ts";
import { deploy, registerFirst } from "./deploy.ts";
import { act, type Fault } from "./faults.ts";
import { Harm } from "./harm.ts";
import type { Moment } from "./moments.ts";
import { JujuUnit, peersOf, type Application } from "../juju/model.ts";
import { type JujuEvent } from "../juju/events.ts";
import type { Mutation } from "../mutations/mutation.ts";
import type { Archives } from "./archives.ts";
import { FAIR, Network } from "./network.ts";
import type { ApplicationShape, Shape } from "./plan.ts";
import { Dice } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { SimUnit } from "./unit.ts";
import { askWeb } from "./webs.ts";

const UPDATE_STATUS_MS = 300_000;

export class World {
  readonly seed: number;
  readonly shape: Shape;
  readonly archives: Archives;
  readonly mutation: Mutation;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly checks: Checks;
  readonly harm: Harm;
  readonly applications: Application[] = [];
  readonly units: SimUnit[] = [];
  /** The store that everybody shares; others are those of faults. */
  readonly store: Disk;
  readonly disks: Disk[] = [];
  readonly #readOnly = new Set<Application>();
  readonly situations = new Map<string, number>();
  /** Faults that are still to come, and those that wait for their moment. */
  #faults: Fault[];
  #armed: Fault[] = [];
  #began = 0;
  /** Chances of an event to be lost, doubled, or sent before its time. */
  events = { lost: 0, doubled: 0, reordered: 0 };
  /** A controller forgot what it knew: units may have followed more than they are told. */
  restored = false;
  program = "p1";
  readonly #dice: Dice;

  constructor(seed: number, shape: Shape, archives: Archives, mutation: Mutation) {
    this.seed = seed;
    this.shape = shape;
    this.archives = archives;
    this.mutation = mutation;
    this.#dice = new Dice(seed, "world");
    this.#faults = [...shape.faults];
    this.scheduler = new Scheduler(seed, shape.pace);
    this.network = new Network(seed, {
      scheduler: this.scheduler,
      archives,
      met: (situation) => this.met(situation),
      web: (host, life, request) => askWeb(this, host, life, request),
    });
    this.store = this.disk(9);
    this.checks = new Checks(this);
    this.harm = new Harm(this);
    for (const application of shape.applications) this.#add(application);
    const models = new Set(this.applications.map(({ model }) => model));
    if (models.size > 1) registerFirst(this.store, this.applications);
    if (shape.powerLoss) this.store.record();
  }

  met(situation: string): void {
    this.situations.set(situation, (this.situations.get(situation) ?? 0) + 1);
  }

  /** A disk with the operator's marker on it. */
  disk(device: number): Disk {
    const disk = new Disk({ device, now: () => this.scheduler.now() });
    disk.locks = this.shape.lock ? "shared" : "none";
    disk.addFile(disk.root, MARKER, 0o644);
    this.disks.push(disk);
    return disk;
  }

  #add(shape: ApplicationShape): void {
    const application = deploy(shape, this.shape.version, this.applications);
    if (shape.readOnly) this.#readOnly.add(application);
    this.applications.push(application);
    for (let unit = 0; unit < shape.units; unit++) this.addUnit(application);
    application.leader = application.units[this.#dice.below(application.units.length)] ?? null;
  }

  /** Of another model, and related to nobody here. */
  isStrange({ juju: { application } }: SimUnit): boolean {
    const [first] = this.applications;
    return first !== undefined && application.model !== first.model && application.config["mode"] !== "worker";
  }

  addUnit(application: Application): SimUnit {
    const number = this.units.length;
    const juju = new JujuUnit(application, `10.0.0.${number + 1}`);
    application.units.push(juju);
    const unit = new SimUnit(this, juju, number, this.#readOnly.has(application));
    this.units.push(unit);
    unit.machine.attach(STORE_PATH, this.store, { readOnly: unit.readOnly });
    this.#remind(unit);
    unit.consider();
    return unit;
  }

  #remind(unit: SimUnit): void {
    this.scheduler.later(UPDATE_STATUS_MS * (0.8 + 0.4 * this.#dice.fraction()), () => {
      if (unit.juju.dead) return;
      unit.juju.updateStatus = true;
      unit.consider();
      this.#remind(unit);
    });
  }

  /** Units that are there. */
  living(): SimUnit[] {
    return this.units.filter(({ juju }) => !juju.dead);
  }

  unitOf(juju: JujuUnit): SimUnit {
    const unit = this.units.find((candidate) => candidate.juju === juju);
    if (unit === undefined) throw new Error(`no unit ${juju.name}`);
    return unit;
  }

  /** Something has been committed, or somebody has gone: others may have news. */
  jujuChanged(unit: SimUnit): void {
    if (unit.juju.dead) this.#buried(unit);
    for (const other of this.units) other.consider();
  }

  #buried(unit: SimUnit): void {
    const { application } = unit.juju;
    unit.powerOff();
    const at = application.units.indexOf(unit.juju);
    if (at >= 0) application.units.splice(at, 1);
    if (application.leader === unit.juju) this.elect(application);
  }

  /** Somebody else leads from now on, if there is somebody. */
  elect(application: Application): void {
    const others = application.units.filter((unit) => unit !== application.leader && this.unitOf(unit).up);
    if (application.leader !== null) application.leader.elected = false;
    application.leader = others.length > 0 ? this.#dice.pick(others) : (application.units[0] ?? null);
    for (const unit of this.units) unit.consider();
  }

  configure(application: Application, change: Application["config"]): void {
    Object.assign(application.config, change);
    application.configVersion += 1;
    for (const unit of this.units) unit.consider();
  }

  /** Which event a unit gets; null if the one it would get is lost. */
  chooseEvent(unit: SimUnit, events: readonly JujuEvent[]): JujuEvent | null {
    const [first] = events;
    if (first === undefined) return null;
    const { lost, doubled, reordered } = this.events;
    if (lost + doubled + reordered === 0 || !unit.juju.started || unit.juju.dying || unit.juju.pending !== null)
      return first;
    const dice = this.#dice.fraction();
    if (dice < reordered && events.length > 1) {
      this.met("event reordered");
      return this.#dice.pick(events);
    }
    if (first.exec !== null) return first;
    if (dice < reordered + lost) {
      this.met("event lost");
      first.begin();
      return null;
    }
    if (dice < reordered + lost + doubled) {
      this.met("event doubled");
      return { ...first, begin: () => undefined };
    }
    return first;
  }

  /** The first application has agreed on a release. */
  agreed(): boolean {
    const [first] = this.applications;
    const bag = first === undefined ? undefined : peersOf(first).applicationBags.get(first.name);
    return bag?.value["cluster"]?.includes('"release":{') === true;
  }

  /** What has to be true, one after the other, before things go wrong. */
  *headStart(): Generator<() => boolean> {
    const { headStart } = this.shape;
    if (headStart === "agreed") yield () => this.agreed();
    if (headStart === "settled" || headStart === "upgraded") yield () => this.settled();
    const [first] = this.applications;
    if (headStart !== "upgraded" || first === undefined) return;
    this.configure(first, { version: this.archives.right[1]?.version ?? "" });
    yield () => this.settled();
  }

  /** From now on things go wrong: the list of faults counts its steps from here. */
  storm(): void {
    this.#began = this.scheduler.steps;
  }

  stormIsOver(): boolean {
    return this.scheduler.steps - this.#began >= this.shape.steps;
  }

  /** Faults that are due happen, or wait for their moment from now on. */
  step(): void {
    while ((this.#faults[0]?.at ?? Number.POSITIVE_INFINITY) <= this.scheduler.steps - this.#began) {
      const fault = this.#faults.shift();
      if (fault === undefined) return;
      if (fault.moment !== null) this.#armed.push(fault);
      else this.#act(fault, null);
    }
    this.checks.step();
  }

  /** A unit has got to a moment that faults may wait for. */
  moment(unit: SimUnit, moment: Moment): void {
    const at = this.#armed.findIndex((fault) => fault.moment === moment);
    const [fault] = at < 0 ? [] : this.#armed.splice(at, 1);
    if (fault !== undefined) this.#act(fault, unit);
  }

  #act(fault: Fault, unit: SimUnit | null): void {
    const dice = new Dice(this.seed, `fault ${fault.index}`);
    act(this, fault, unit ?? dice.pick(this.living()), dice);
  }

  /** Faults stop, and everything that was broken is put right by whoever looks after it. */
  calm(): void {
    this.#faults = [];
    this.#armed = [];
    this.network.weather = FAIR;
    this.events = { lost: 0, doubled: 0, reordered: 0 };
    this.store.capacity = 1e12;
    this.harm.removeLinks();
    for (const unit of this.living()) {
      if (!unit.up) unit.powerOn();
      for (const life of unit.lives()) this.scheduler.thaw(life);
      this.mount(unit);
      if (this.situations.has("event lost")) unit.juju.forget();
    }
    for (const application of this.applications) {
      if (application.leader?.dying !== false) this.elect(application);
    }
    for (const unit of this.units) unit.consider();
  }

  /** Every unit runs what its application is to run, and says that it is ready. */
  settled(): boolean {
    const wanted = `${String(this.applications[0]?.config["version"])}-`;
    return this.living().every((unit) => {
      const { dying, status } = unit.juju;
      if (this.isStrange(unit)) return !dying && status.status === "blocked";
      const { current } = unit.memory;
      const runs = current?.startsWith(wanted) === true && !this.checks.spoilt.isVisible(current);
      return !dying && status.status === "active" && runs;
    });
  }

  /** Counts what can be told only at the end. */
  close(): void {
    const writers = this.shape.applications.filter(({ mode, readOnly }) => mode === "worker" && !readOnly);
    if (writers.some(({ model }) => model !== this.applications[0]?.model)) this.met("store shared across models");
    if (writers.length > 1) this.met("two writable worker applications of one web");
    for (const unit of this.living()) {
      const { status, message } = unit.juju.status;
      if (this.isStrange(unit) && status === "blocked" && message.includes("another application"))
        this.met("strange application refused");
    }
  }

  /** The manifest that a unit's application has agreed on. */
  committedManifest({ juju: { application } }: SimUnit): string | null {
    const text = peersOf(application).applicationBags.get(application.name)?.value["cluster"];
    return text === undefined ? null : ((JSON.parse(text) as Cluster).release?.manifestSha256 ?? null);
  }

  /** What an application goes by, as its units read it. */
  generationOf(application: Application): number {
    const text = peersOf(application).applicationBags.get(application.name)?.value["cluster"];
    return text === undefined ? 0 : (JSON.parse(text) as Cluster).generation;
  }

  mount(unit: SimUnit): void {
    if (unit.juju.dead) return;
    const { readOnly } = unit;
    if (unit.mounted() !== this.store) unit.machine.replace(STORE_PATH, this.store, { readOnly });
    else unit.machine.remount(STORE_PATH, readOnly);
  }

  anotherDisk(): Disk {
    return this.disks[1] ?? this.disk(10);
  }

  removeUnit(unit: SimUnit): void {
    const { application } = unit.juju;
    if (unit.juju.dying || application.units.filter(({ dying }) => !dying).length < 2) return;
    if (unit.agent !== null && this.network.downloads.has(unit.agent.life)) this.met("unit removed in mid-download");
    unit.juju.dying = true;
    unit.juju.inScope = false;
    // One that was never installed goes without a hook.
    unit.juju.dead = !unit.juju.installed;
    if (unit.juju.dead) this.#buried(unit);
    for (const other of this.units) other.consider();
  }
}
