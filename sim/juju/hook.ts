/** The hook commands of one hook, and what becomes of its words when it ends (Juju 3.6, uniter/runner/context). */
import type { CommandResult } from "../../src/juju/hook-tools.ts";
import { cacheKey, idOf, isPeers, sidesFor, type JujuUnit, type Relation } from "./model.ts";
import { shownFor } from "./other-model.ts";
import { changeBag, merged, type Bag } from "./bags.ts";

const done = (stdout = ""): CommandResult => ({ code: 0, stdout, stderr: "" });
const json = (value: unknown): CommandResult => done(JSON.stringify(value));

/** Bags are replaced, never changed: each is put into words once. */
const words = new WeakMap<Bag, CommandResult>();
function bagged(bag: Bag): CommandResult {
  const known = words.get(bag) ?? json(bag);
  words.set(bag, known);
  return known;
}
const refused = (message: string): CommandResult => ({ code: 1, stdout: "", stderr: `ERROR ${message}` });

export interface HookWorld {
  readonly unit: JujuUnit;
  /** The text of a file on the unit's machine. */
  readonly file: (path: string) => string | null;
  readonly secretId: () => string;
}

export class Hook {
  readonly #world: HookWorld;
  readonly #applicationWords = new Map<Relation, Bag>();
  readonly #unitWords = new Map<Relation, Bag>();
  #secret: { readonly id: string; readonly content: Bag } | null = null;
  /** In which it was told whether it leads. */
  #term: number | null = null;
  /** Units that the hook sees, fixed at its start. */
  readonly #members: ReadonlyMap<Relation, readonly string[]>;

  constructor(world: HookWorld) {
    this.#world = world;
    this.#members = new Map([...world.unit.told].map(([relation, { units }]) => [relation, [...units.keys()]]));
  }

  /** Says something that only the leader may. */
  get decides(): boolean {
    return this.#applicationWords.size > 0;
  }

  /**
   * Somebody else has led since it was told that it leads. The controller looks at who leads as the hook ends (Juju 3.6, apiserver/facades/agent/
   * uniter, CommitHookChanges): a leader that was away and is back by then overwrites words that it never read.
   */
  get outlastsItsTerm(): boolean {
    return this.#term !== this.#world.unit.application.terms;
  }

  get addsSecret(): boolean {
    return this.#secret !== null;
  }

  run(argv: readonly string[], stdin = ""): CommandResult {
    const { unit } = this.#world;
    const { application } = unit;
    const leads = application.leader === unit;
    switch (argv[0]) {
      case "config-get":
        return json(application.config);
      case "is-leader":
        this.#term ??= application.terms;
        return json(leads);
      case "relation-ids":
        return json(this.#ids(argv.at(-1) ?? ""));
      case "relation-list":
        return this.#list(argv);
      case "relation-get":
        return this.#get(argv);
      case "relation-model-get":
        return json({ uuid: sidesFor(this.#relation(argv), application).far.application?.model });
      case "relation-set":
        return this.#set(argv, JSON.parse(stdin) as Bag, leads);
      case "goal-state":
        return json(this.#goals());
      case "status-get":
        return json(unit.status);
      case "status-set":
        unit.status = { status: argv[1] ?? "", message: argv[3] ?? "" };
        return done();
      case "opened-ports":
        return json([...unit.ports]);
      case "open-port":
        unit.ports.add(argv[1] ?? "");
        return done();
      case "close-port":
        unit.ports.delete(argv[1] ?? "");
        return done();
      case "secret-info-get":
        return this.#secretInfo(leads);
      case "secret-get":
        return this.#secretGet(argv[1] ?? "");
      case "secret-add":
        return this.#secretAdd(argv.at(-1) ?? "", leads);
      case "application-version-set":
      case "juju-log":
        return done();
      default:
        throw new Error(`no hook command ${argv.join(" ")}`);
    }
  }

  /** Secrets first, and by themselves; then all the rest or nothing. False if the controller refuses it. */
  commitSecrets(): boolean {
    const { application } = this.#world.unit;
    if (this.#secret === null) return true;
    if (application.leader !== this.#world.unit || application.secret !== null) return false;
    application.secret = this.#secret;
    return true;
  }

  commit(): boolean {
    const { unit } = this.#world;
    const { application } = unit;
    if (this.decides && application.leader !== unit) return false;
    for (const [relation, change] of this.#applicationWords) {
      const before = relation.applicationBags.get(application.name)?.value;
      if (changeBag(relation.applicationBags, application.name, change) && isPeers(relation) && before !== undefined)
        application.history.push(before);
    }
    for (const [relation, change] of this.#unitWords) changeBag(relation.unitBags, unit.name, change);
    return true;
  }

  #ids(endpoint: string): string[] {
    const { application, told } = this.#world.unit;
    return [...told.keys()]
      .map((relation) => idOf(relation, application))
      .filter((id) => id.startsWith(`${endpoint}:`));
  }

  #relation(argv: readonly string[]): Relation {
    const { application, told } = this.#world.unit;
    const id = argv[argv.indexOf("-r") + 1] ?? "";
    const found = [...told.keys()].find((relation) => idOf(relation, application) === id);
    if (found === undefined) throw new Error(`no relation ${id}`);
    return found;
  }

  #list(argv: readonly string[]): CommandResult {
    const relation = this.#relation(argv);
    const shown = shownFor(relation, this.#world.unit.application);
    if (argv.includes("--app")) return json(shown.application);
    return json((this.#members.get(relation) ?? []).map((name) => shown.unit(name)));
  }

  #get(argv: readonly string[]): CommandResult {
    const { unit } = this.#world;
    const relation = this.#relation(argv);
    const whose = shownFor(relation, unit.application).behind(argv.at(-1) ?? "");
    if (argv.includes("--app")) {
      const committed = relation.applicationBags.get(whose)?.value ?? {};
      const own = whose === unit.application.name;
      return bagged(own ? merged(committed, this.#applicationWords.get(relation)) : committed);
    }
    if (whose === unit.name)
      return bagged(merged(relation.unitBags.get(whose)?.value ?? {}, this.#unitWords.get(relation)));
    const key = cacheKey(relation, whose);
    const bag = unit.cache.get(key) ?? relation.unitBags.get(whose)?.value;
    if (bag === undefined) return refused("permission denied");
    unit.cache.set(key, bag);
    return bagged(bag);
  }

  #set(argv: readonly string[], change: Bag, leads: boolean): CommandResult {
    const relation = this.#relation(argv);
    const forAll = argv.includes("--app");
    if (forAll && !leads) return refused("cannot write relation settings");
    const words = forAll ? this.#applicationWords : this.#unitWords;
    words.set(relation, { ...words.get(relation), ...change });
    return done();
  }

  /**
   * Units of the application, and by endpoint those behind its relations, unless they are of another model (Juju 3.6,
   * apiserver/facades/agent/uniter, GoalStates).
   */
  #goals(): unknown {
    const { application } = this.#world.unit;
    const of = (units: readonly JujuUnit[]) =>
      Object.fromEntries(
        units.filter(({ dead }) => !dead).map(({ name, dying }) => [name, { status: dying ? "dying" : "active" }]),
      );
    const relations: Record<string, Record<string, unknown>> = {};
    for (const relation of application.relations) {
      if (isPeers(relation)) continue;
      const { own, far } = sidesFor(relation, application);
      const isHere = far.application?.model === application.model;
      relations[own.endpoint] = {
        ...relations[own.endpoint],
        [shownFor(relation, application).application]: { status: "joined" },
        ...of(isHere ? far.application.units : []),
      };
    }
    return { units: of(application.units), relations };
  }

  #secretInfo(leads: boolean): CommandResult {
    const secret = this.#secret ?? this.#world.unit.application.secret;
    return leads && secret !== null ? json({ [secret.id]: { revision: 1 } }) : refused("secret not found");
  }

  #secretGet(uri: string): CommandResult {
    const secret = this.#world.unit.application.secret;
    return secret !== null && uri.endsWith(secret.id) ? json(secret.content) : refused(`secret ${uri} not found`);
  }

  #secretAdd(path: string, leads: boolean): CommandResult {
    if (!leads) return refused("this unit is not the leader");
    const text = this.#world.file(path);
    if (text === null) return refused(`open ${path}: no such file or directory`);
    this.#secret = { id: this.#world.secretId(), content: JSON.parse(text) as Bag };
    return done(`secret:${this.#secret.id}`);
  }
}
