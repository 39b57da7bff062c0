/** The seeded world: models, applications, units, one store, one network, and who goes on when. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import { MARKER } from "../../src/store/layout.ts";
import { Checks } from "../check/checks.ts";
import { Disk } from "../disk/disk.ts";
import { deploy, registerFirst } from "./deploy.ts";
import { Events, ORDERLY } from "./events.ts";
import { Harm } from "./harm.ts";
import { JujuUnit, peersOf, type Application } from "../juju/model.ts";
import type { Mutation } from "../mutations/mutation.ts";
import type { Archives } from "./archives.ts";
import { FAIR, Network } from "./network.ts";
import type { ApplicationShape, Shape } from "./plan.ts";
import { Dice } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { Storm } from "./storm.ts";
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
  readonly storm: Storm;
  readonly events: Events;
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
    this.storm = new Storm(this);
    this.events = new Events(this.#dice, (situation) => this.met(situation));
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
    application.terms += 1;
    for (const unit of this.units) unit.consider();
  }

  configure(application: Application, change: Application["config"]): void {
    Object.assign(application.config, change);
    application.configVersion += 1;
    for (const unit of this.units) unit.consider();
  }

  /** The first application has agreed on a release. Asked at every step: so much can be told without reading all of it. */
  #agreed(): boolean {
    const [first] = this.applications;
    const bag = first === undefined ? undefined : peersOf(first).applicationBags.get(first.name);
    return bag?.value["cluster"]?.includes('"release":{') === true;
  }

  /** What has to be true, one after the other, before things go wrong. */
  *headStart(): Generator<() => boolean> {
    const { headStart } = this.shape;
    if (headStart === "agreed") yield () => this.#agreed();
    if (headStart === "settled" || headStart === "upgraded") yield () => this.settled();
    const [first] = this.applications;
    if (headStart !== "upgraded" || first === undefined) return;
    this.configure(first, { version: this.archives.right[1]?.version ?? "" });
    yield () => this.settled();
  }

  step(): void {
    this.storm.step();
    this.checks.step();
  }

  /** Faults stop, and everything that was broken is put right by whoever looks after it. */
  calm(): void {
    this.storm.end();
    this.network.weather = FAIR;
    this.events.chances = ORDERLY;
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
    const workers = this.shape.applications.filter(({ mode }) => mode === "worker");
    const elsewhere = workers.find(({ model }) => model !== this.applications[0]?.model);
    if (elsewhere !== undefined)
      this.met(`store shared across models, ${elsewhere.readOnly ? "read-only" : "writable"}`);
    if (workers.filter(({ readOnly }) => !readOnly).length > 1) this.met("two writable worker applications of one web");
    for (const unit of this.living()) {
      const { status, message } = unit.juju.status;
      if (this.isStrange(unit) && status === "blocked" && message.includes("another application"))
        this.met("strange application refused");
    }
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
