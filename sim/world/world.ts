/** The seeded world: models, applications, units, one store, one network, and who goes on when. */
import { shortModel } from "../../src/charm/facts.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import { WEB_SERVICE, WORKER_SERVICE } from "../../src/concourse/services.ts";
import { FILES } from "../../src/concourse/settings.ts";
import { APPLICATIONS, MARKER } from "../../src/store/layout.ts";
import type { HttpRequest } from "../../src/ports.ts";
import type { Cluster } from "../../src/relations/peers.ts";
import { Checks } from "../check/checks.ts";
import { Disk } from "../disk/disk.ts";
import type { Fault } from "./faults.ts";
import { act } from "./faults.ts";
import type { Moment } from "./moments.ts";
import { JujuUnit, newApplication, peersOf, relate, type Application, type JujuEvent } from "../juju/model.ts";
import type { Mutation } from "../mutations/mutation.ts";
import type { Archives } from "./archives.ts";
import { FAIR, failure, MIRROR, Network } from "./network.ts";
import type { ApplicationShape, Shape } from "./plan.ts";
import { Dice } from "./random.ts";
import { plantCopy, plantLink, takeCopyAway } from "./tamper.ts";
import { Scheduler, type Life } from "./scheduler.ts";
import { SimUnit } from "./unit.ts";

const UPDATE_STATUS_MS = 300_000;

export class World {
  readonly seed: number;
  readonly shape: Shape;
  readonly archives: Archives;
  readonly mutation: Mutation;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly checks: Checks;
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
  #moving = false;
  #began = 0;
  readonly #planted: (() => void)[] = [];
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
      web: (host, life, request) => this.#web(host, life, request),
    });
    this.store = this.disk(9);
    this.checks = new Checks(this);
    for (const application of shape.applications) this.#deploy(application);
    if (this.units.some((unit) => this.isStrange(unit))) this.#register();
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

  #deploy({ name, model, mode, units, flight, readOnly }: ApplicationShape): void {
    const application = newApplication(name, model, {
      mode,
      "shared-storage": "lxc",
      "release-mirror": MIRROR,
      "initial-admin-username": "admin",
      ...(flight === null ? { version: this.shape.version } : {}),
    });
    const number = this.applications.length + 1;
    const web = this.applications.find((other) => other.model === model && other.name === flight);
    if (web === undefined) {
      const played = { application: null, name: "postgresql", endpoint: "database" };
      const answer = { endpoints: "10.9.0.1:5432", username: "u", password: "p", database: "concourse" };
      relate(number, { application, name, endpoint: "postgresql" }, played, { postgresql: answer });
    } else {
      const side = { application: web, name: web.name, endpoint: "tsa" };
      relate(number, side, { application, name, endpoint: "flight" });
    }
    if (readOnly) this.#readOnly.add(application);
    this.applications.push(application);
    for (let unit = 0; unit < units; unit++) this.addUnit(application);
    application.leader = application.units[this.#dice.below(application.units.length)] ?? null;
  }

  /** Applications of the first model were there first: one of another model is refused. */
  #register(): void {
    const [first] = this.applications;
    const directory = this.store.addDirectory(this.store.root, APPLICATIONS, 0o755);
    for (const { model, name } of this.applications) {
      if (model !== first?.model) continue;
      const application = `${shortModel(model)}-${name}`;
      const file = this.store.addFile(directory, `${application}.json`, 0o644);
      this.store.write(file, 0, [Buffer.from(`${JSON.stringify({ schema: 1, application })}\n`)]);
    }
  }

  isStrange({ juju }: SimUnit): boolean {
    return juju.application.model !== this.applications[0]?.model;
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
    this.removeCopies();
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
    this.#reached(moment);
    const at = this.#armed.findIndex((fault) => fault.moment === moment);
    const [fault] = at < 0 ? [] : this.#armed.splice(at, 1);
    if (fault !== undefined) this.#act(fault, unit);
  }

  #reached(moment: Moment): void {
    if (moment === "moving to trash") this.#moving = true;
    if (moment === "before the link jumps" && this.#moving) this.met("adoption after a clean-up began");
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
    for (const takeBack of this.#planted) takeBack();
    for (const unit of this.living()) {
      if (!unit.up) unit.powerOn();
      for (const life of unit.lives()) this.scheduler.thaw(life);
      this.mount(unit);
      unit.juju.forget();
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
      return !dying && status.status === "active" && unit.memory.current?.startsWith(wanted) === true;
    });
  }

  /** Counts what can be told only at the end. */
  close(): void {
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

  /** Somebody puts a link in the place of one of the store's directories; it is taken away later. */
  plant(dice: Dice): void {
    const takeBack = this.#withRoom(() => plantLink(this.store, dice));
    if (takeBack === null) return;
    this.met("link planted in the store");
    this.checks.linksPlanted = true;
    this.#planted.push(takeBack);
    this.scheduler.later(dice.magnitude(1_000, 600_000), takeBack);
  }

  /** Somebody who may write the store puts a copy of their own beside a release that all have agreed on. */
  plantCopy(dice: Dice): void {
    const agreed = this.applications.every(({ relations: [peers], name }) =>
      peers?.applicationBags.get(name)?.value["cluster"]?.includes('"manifestSha256":"'),
    );
    const name = agreed ? this.#withRoom(() => plantCopy(this.store, dice)) : null;
    if (name === null) return;
    this.met("copy planted beside a release");
    this.checks.tampered.add(name);
  }

  /** Before a release is agreed on anew, its manifest is whatever a writer of the store says it is: that is trust's limit. */
  removeCopies(): void {
    for (const name of this.checks.tampered) takeCopyAway(this.store, name);
  }

  /** A full disk is full for units, not for what the world itself does to it. */
  #withRoom<Result>(work: () => Result): Result {
    const { capacity } = this.store;
    this.store.capacity = Number.POSITIVE_INFINITY;
    try {
      return work();
    } finally {
      this.store.capacity = capacity;
    }
  }

  /** All machines and the disk under the store lose their power at once. */
  powerLoss(dice: Dice): void {
    const units = this.living().filter(({ up }) => up);
    for (const unit of units) unit.powerOff();
    if (this.store.log !== null) {
      this.met("power loss");
      this.#withRoom(() => this.store.powerLoss(() => dice.fraction()));
      this.checks.forget(this.store);
    }
    for (const unit of units) this.scheduler.later(dice.magnitude(100, 60_000), () => unit.powerOn());
  }

  /** The answer of a unit's web, as far as its own agent and the leader's ask. */
  #web(host: string, asker: Life, request: HttpRequest): string {
    const [address = ""] = host.split(":");
    const unit = this.units.find(({ juju, agent }) =>
      address === "127.0.0.1" ? agent?.life === asker : juju.address === address,
    );
    if (unit === undefined || !unit.up) throw failure("ETIMEDOUT");
    const service = unit.services.get(WEB_SERVICE);
    if (service.pid === 0 || this.scheduler.steady < service.listensAt) throw failure("ECONNREFUSED");
    const { pathname } = new URL(request.url);
    if (pathname === "/api/v1/info") return JSON.stringify({ version: service.release?.split("-")[0] });
    if (pathname === "/sky/issuer/token") return JSON.stringify({ access_token: "token" });
    return JSON.stringify(this.#workers(unit));
  }

  /** Workers that one of the application's webs has let in: they share a database. */
  #workers(web: SimUnit): unknown[] {
    const webs = this.living().filter(
      ({ juju, services }) => juju.application === web.juju.application && services.get(WEB_SERVICE).pid > 0,
    );
    const keys = webs.map(({ memory }) => memory.files.get(FILES.authorizedKeys) ?? "").join("");
    return this.living().flatMap((unit) => {
      const service = unit.services.get(WORKER_SERVICE);
      const key = unit.publicKey();
      const welcome = service.pid > 0 && unit.up && key !== null && keys.includes(key);
      return welcome ? [{ name: unit.member, state: "running", version: "2.5", start_time: service.since }] : [];
    });
  }
}
