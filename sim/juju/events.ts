/**
 * Which event a unit gets next. Events are not queued but follow from versions, as in Juju: what a unit has seen against
 * what there is (internal/worker/uniter/resolver.go, relation/resolver.go).
 */
import { cacheKey, idOf, isPeers, sidesFor, type Exec, type JujuUnit, type Relation, type Told } from "./model.ts";
import { shownFor } from "./other-model.ts";

export interface JujuEvent {
  readonly name: string;
  readonly departing: string | null;
  /** The relation that has ended, by its id: listed all the same until the hook has run. */
  readonly ended: string | null;
  readonly exec: Exec | null;
  /** What changes as the hook begins: whom the unit sees, and which bags it reads anew. */
  readonly begin: () => void;
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
  const related = [...unit.told.keys()].filter((relation) => !isPeers(relation));
  if (related.length > 0) return related.map((relation) => broken(unit, relation));
  return [unit.stopped ? event("remove") : event("stop", () => (unit.stopped = true))];
}

function broken(unit: JujuUnit, relation: Relation): JujuEvent {
  const id = idOf(relation, unit.application);
  return event(`${id.split(":")[0]}-relation-broken`, undefined, { ended: id });
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
  const shown = shownFor(relation, unit.application);
  const version = relation.applicationBags.get(far.name)?.version ?? 0;
  const tell = (other: string, seen: number | null) => () => {
    if (seen === null) told.units.delete(other);
    else told.units.set(other, seen);
    unit.cache.delete(cacheKey(relation, other));
  };
  const events: JujuEvent[] = [];
  for (const other of [...told.units.keys()].toSorted()) {
    if (there.every((member) => member.name !== other))
      events.push(event(name("departed"), tell(other, null), { departing: shown.unit(other) }));
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

/** The event's hook has ended well, or was never run. */
export function ended(unit: JujuUnit, { name, ended }: JujuEvent): void {
  unit.pending = null;
  for (const relation of unit.told.keys()) {
    if (idOf(relation, unit.application) === ended) unit.told.delete(relation);
  }
  if (name === "remove") unit.dead = true;
  if (name !== "install") return;
  unit.installed = true;
  enterScope(unit);
}

function event(
  name: string,
  begin: () => unknown = () => undefined,
  more: { readonly departing?: string; readonly ended?: string; readonly exec?: Exec } = {},
): JujuEvent {
  return {
    name,
    departing: more.departing ?? null,
    ended: more.ended ?? null,
    exec: more.exec ?? null,
    begin: () => void begin(),
  };
}
