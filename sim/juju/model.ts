/**
 * What a Juju controller keeps, and which event a unit gets next: Juju 3.6's rules as plain objects. Events are not
 * queued but follow from versions, as in Juju: what a unit has seen against what there is
 * (internal/worker/uniter/resolver.go, relation/resolver.go).
 */

export type Bag = Readonly<Record<string, string>>;

/** A bag with a number that rises with every change. */
export interface Versioned {
  readonly value: Bag;
  readonly version: number;
}

export interface Side {
  /** Null for an application that is only played: its bags are all there is of it. */
  readonly application: Application | null;
  readonly name: string;
  readonly endpoint: string;
}

/** Of a peer relation both sides are the same one. */
export interface Relation {
  readonly number: number;
  readonly sides: readonly [Side, Side];
  readonly applicationBags: Map<string, Versioned>;
  readonly unitBags: Map<string, Versioned>;
}

export interface Application {
  readonly name: string;
  readonly model: string;
  readonly config: Record<string, string | number | boolean>;
  configVersion: number;
  readonly units: JujuUnit[];
  leader: JujuUnit | null;
  /** The peer relation first. */
  readonly relations: Relation[];
  secret: { readonly id: string; readonly content: Bag } | null;
  /** Values that the application bag of the peers had, oldest first. */
  readonly history: Bag[];
  nextUnit: number;
}

export interface Exec {
  readonly script: string;
  readonly answer: (result: { readonly code: number; readonly stdout: string; readonly stderr: string }) => void;
}

export interface JujuEvent {
  readonly name: string;
  readonly departing: string | null;
  readonly exec: Exec | null;
  /** What changes as the hook begins: whom the unit sees, and which bags it reads anew. */
  readonly begin: () => void;
}

/** What a unit has been told of one relation. */
export interface Told {
  created: boolean;
  /** Version of the other side's application bag. */
  bag: number;
  /** Versions of the units' bags; 0 between `joined` and its `changed`. */
  readonly units: Map<string, number>;
}

export class JujuUnit {
  readonly application: Application;
  readonly name: string;
  readonly address: string;
  dying = false;
  dead = false;
  installed = false;
  stopped = false;
  inScope = false;
  elected = false;
  started = false;
  configSeen = -1;
  readonly told = new Map<Relation, Told>();
  /** Bags of others as hooks read them first, by relation and unit; forgotten when an event tells of them. */
  readonly cache = new Map<string, Bag>();
  readonly execs: Exec[] = [];
  /** Its hook has begun and not ended well: it is run again before anything else. */
  pending: JujuEvent | null = null;
  updateStatus = false;
  status: { readonly status: string; readonly message: string } = { status: "waiting", message: "" };
  readonly ports = new Set<string>();

  constructor(application: Application, address: string) {
    this.application = application;
    this.name = `${application.name}/${application.nextUnit++}`;
    this.address = address;
  }

  /** Juju's agent starts anew and finds out what it has missed. */
  forget(): void {
    this.cache.clear();
    this.configSeen = -1;
    for (const told of this.told.values()) {
      told.bag = 0;
      for (const unit of told.units.keys()) told.units.set(unit, 0);
    }
  }
}

export function newApplication(name: string, model: string, config: Application["config"]): Application {
  const application: Application = {
    name,
    model,
    config: { ...config },
    configVersion: 1,
    units: [],
    leader: null,
    relations: [],
    secret: null,
    history: [],
    nextUnit: 0,
  };
  const side: Side = { application, name, endpoint: "peers" };
  relate(0, side, side);
  return application;
}

export function relate(number: number, one: Side, other: Side, bags: Readonly<Record<string, Bag>> = {}): Relation {
  const applicationBags = new Map(Object.entries(bags).map(([name, value]) => [name, { value, version: 1 }]));
  const relation: Relation = { number, sides: [one, other], applicationBags, unitBags: new Map() };
  for (const { application } of new Set([one, other])) application?.relations.push(relation);
  return relation;
}

export function peersOf(application: Application): Relation {
  const [peers] = application.relations;
  if (peers === undefined) throw new Error("no peers");
  return peers;
}

export const isPeers = ({ sides: [one, other] }: Relation): boolean => one === other;

/** The side of an application, and the one it looks at. */
export function sidesFor(relation: Relation, application: Application): { readonly own: Side; readonly far: Side } {
  const [one, other] = relation.sides;
  return one.application === application ? { own: one, far: other } : { own: other, far: one };
}

export function idOf(relation: Relation, application: Application): string {
  return `${sidesFor(relation, application).own.endpoint}:${relation.number}`;
}

/** Enters the scope of all relations: from now on the others see the unit. */
function enterScope(unit: JujuUnit): void {
  unit.inScope = true;
  const addresses = { "ingress-address": unit.address, "private-address": unit.address };
  for (const relation of unit.application.relations) {
    unit.told.set(relation, { created: false, bag: 0, units: new Map() });
    relation.unitBags.set(unit.name, { value: addresses, version: 1 });
  }
}

/** Units that a unit sees in a relation, apart from itself. */
function membersFor(relation: Relation, unit: JujuUnit): JujuUnit[] {
  const { far } = sidesFor(relation, unit.application);
  return (far.application?.units ?? []).filter((other) => other !== unit && other.inScope);
}

/** Every event that could come next; the first is the one that Juju sends. */
export function candidates(unit: JujuUnit): JujuEvent[] {
  if (unit.dead) return [];
  if (unit.pending !== null) return [unit.pending];
  const [exec] = unit.execs;
  const execs = exec === undefined ? [] : [event("wake", () => unit.execs.shift(), { exec })];
  if (!unit.installed) return unit.dying ? [] : [event("install")];
  if (unit.dying) return [...execs, ...teardown(unit)];
  const relations = unit.started ? [...unit.told].flatMap(([relation, told]) => news(unit, relation, told)) : [];
  const idle = unit.updateStatus ? [event("update-status", () => (unit.updateStatus = false))] : [];
  return [...lifecycle(unit), ...execs, ...relations, ...idle];
}

function teardown(unit: JujuUnit): JujuEvent[] {
  const left = [...unit.told].flatMap(([relation, { units }]) => {
    const name = `${sidesFor(relation, unit.application).own.endpoint}-relation-departed`;
    return [...units.keys()]
      .toSorted()
      .map((other) => event(name, () => units.delete(other), { departing: unit.name }));
  });
  if (left.length > 0) return left;
  return [unit.stopped ? event("remove") : event("stop", () => (unit.stopped = true))];
}

function lifecycle(unit: JujuUnit): JujuEvent[] {
  const { application } = unit;
  const events: JujuEvent[] = [];
  for (const [relation, told] of unit.told) {
    if (told.created) continue;
    const { endpoint } = sidesFor(relation, application).own;
    events.push(event(`${endpoint}-relation-created`, () => (told.created = true)));
  }
  if (application.leader === unit && !unit.elected) events.push(event("leader-elected", () => (unit.elected = true)));
  const { configVersion } = application;
  if (unit.configSeen !== configVersion) events.push(event("config-changed", () => (unit.configSeen = configVersion)));
  else if (!unit.started) events.push(event("start", () => (unit.started = true)));
  return events;
}

/** What a unit has not been told of one relation yet. */
function news(unit: JujuUnit, relation: Relation, told: Told): JujuEvent[] {
  const { own, far } = sidesFor(relation, unit.application);
  const name = (suffix: string) => `${own.endpoint}-relation-${suffix}`;
  const there = membersFor(relation, unit);
  const version = relation.applicationBags.get(far.name)?.version ?? 0;
  const tell = (other: string, seen: number | null) => () => {
    if (seen === null) told.units.delete(other);
    else told.units.set(other, seen);
    unit.cache.delete(cacheKey(relation, other));
  };
  const events: JujuEvent[] = [];
  for (const other of [...told.units.keys()].toSorted()) {
    if (there.every((member) => member.name !== other))
      events.push(event(name("departed"), tell(other, null), { departing: other }));
  }
  if (version !== told.bag) events.push(event(name("changed"), () => (told.bag = version)));
  for (const other of there) {
    const seen = told.units.get(other.name);
    const now = relation.unitBags.get(other.name)?.version ?? 0;
    if (seen === undefined) events.push(event(name("joined"), tell(other.name, 0)));
    // What follows `joined` comes first.
    else if (seen === 0) events.unshift(event(name("changed"), tell(other.name, now)));
    else if (seen !== now) events.push(event(name("changed"), tell(other.name, now)));
  }
  return events;
}

export const cacheKey = (relation: Relation, unit: string): string => `${relation.number} ${unit}`;

/** The event's hook has ended well, or was never run. */
export function ended(unit: JujuUnit, { name }: JujuEvent): void {
  unit.pending = null;
  if (name === "remove") unit.dead = true;
  if (name !== "install") return;
  unit.installed = true;
  enterScope(unit);
}

function event(
  name: string,
  begin: () => unknown = () => undefined,
  more: { readonly departing?: string; readonly exec?: Exec } = {},
): JujuEvent {
  return { name, departing: more.departing ?? null, exec: more.exec ?? null, begin: () => void begin() };
}

/** Changes a bag as a commit does; true if that is news to anybody. An empty value deletes its key. */
export function changeBag(bags: Map<string, Versioned>, owner: string, change: Bag): boolean {
  const before = bags.get(owner) ?? { value: {}, version: 0 };
  if (Object.entries(change).every(([key, value]) => (before.value[key] ?? "") === value)) return false;
  bags.set(owner, { value: merged(before.value, change), version: before.version + 1 });
  return true;
}

export function merged(bag: Bag, change: Bag = {}): Bag {
  if (Object.keys(change).length === 0) return bag;
  return Object.fromEntries(Object.entries({ ...bag, ...change }).filter(([, value]) => value !== ""));
}
