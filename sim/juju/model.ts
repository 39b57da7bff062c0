/**
 * What a Juju controller keeps: Juju 3.6's applications, units and relations as plain objects.
 */
import type { Bag, Versioned } from "./bags.ts";
import type { JujuEvent } from "./events.ts";

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
  /** Leaders that there were. */
  terms: number;
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
    terms: 0,
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

export const cacheKey = (relation: Relation, unit: string): string => `${relation.number} ${unit}`;
