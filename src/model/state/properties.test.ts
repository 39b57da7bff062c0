import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ModelState } from "./model.ts";
import { ModelState as State } from "./model.ts";
import { notes, notesWithStorage, pg, pgAlone } from "./testing/charms.ts";
import { exit, type Hook, seeded, World } from "./testing/world.ts";

type Step =
  | { readonly kind: "run"; readonly unit: number; readonly ending: number }
  | { readonly kind: "finish"; readonly unit: number; readonly ending: number }
  | { readonly kind: "whole"; readonly unit: number; readonly ending: number }
  | { readonly kind: "verb"; readonly verb: number; readonly unit: number }
  | { readonly kind: "wait"; readonly seconds: number }
  | { readonly kind: "agent"; readonly unit: number; readonly what: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("whole"), unit: fc.nat(5), ending: fc.nat(300) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("run"), unit: fc.nat(5), ending: fc.nat(300) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("finish"), unit: fc.nat(5), ending: fc.nat(12) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("verb"), verb: fc.nat(11), unit: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait"), seconds: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("agent"), unit: fc.nat(5), what: fc.nat(2) }) },
);

/** What the charms do: write bags, secrets and state at whim, but let no hook fail for it. */
function busyCharm(hook: Hook, whim: number): void {
  const words = (count: number) => `${(whim * 7 + count) % 5}`;
  for (const id of hook.run.operation.kind === "hook" ? relationIds(hook) : []) {
    if (whim % 2 === 0) hook.try(["relation-set", "-r", id, `x=${words(1)}`, `y=${words(2)}`]);
    if (whim % 3 === 0) hook.try(["relation-set", "--app", "-r", id, `x=${words(3)}`]);
    if (whim % 5 === 0) hook.try(["relation-get", "-r", id, "-", "notes/0"]);
  }
  if (whim % 4 === 0) hook.try(["status-set", "active", words(1)]);
  if (whim % 7 === 0) hook.try(["secret-add", "--label", `label-${words(1)}`, `password=${words(2)}`]);
  if (whim % 7 === 1) for (const id of secretIds(hook)) hook.try(["secret-set", id, `password=${words(3)}`]);
  if (whim % 7 === 2) for (const id of Object.keys(hook.world.model.data.secrets)) hook.try(["secret-get", id]);
  if (whim % 7 === 3) for (const id of secretIds(hook).slice(0, 1)) hook.try(["secret-remove", id]);
  if (whim % 7 === 4)
    for (const id of Object.keys(hook.world.model.data.secrets)) hook.try(["secret-get", id, "--refresh"]);
  if (whim % 7 === 5) for (const id of secretIds(hook)) hook.try(["secret-grant", id, "-r", "1"]);
  if (whim % 6 === 0) hook.try(["open-port", `${8000 + (whim % 3)}`]);
  if (whim % 8 === 0) hook.try(["state-set", `k=${words(1)}`]);
}

function relationIds(hook: Hook): string[] {
  return ["cluster", "db", "replicas"].flatMap((name) => hook.json("relation-ids", name) as string[]);
}

function secretIds(hook: Hook): string[] {
  return (hook.json("secret-ids") as string[] | null) ?? [];
}

const VERBS: readonly ((world: World, unit: string) => void)[] = [
  ({ model, now }) => void model.addUnits("notes", 1, now),
  ({ model, now }) => void model.addUnits("pg", 1, now, model.data.machines["0"]?.life === "alive" ? ["0"] : []),
  ({ model, now }, unit) => void model.removeUnits([unit], now),
  ({ model, now }, unit) => void model.removeUnits([unit], now, { wait: (model.revision % 3) * 2_000 }),
  ({ model, now }) => model.removeRelation("notes", "pg", now, { wait: 2_000 }),
  ({ model, now }) => void model.integrate("notes:db", "pg:db", now),
  ({ model, now }) => model.removeRelation("notes", "pg", now),
  ({ model }) => model.setConfig("notes", { size: String(model.revision) }),
  ({ model }) => model.resetConfig("notes", ["size"]),
  ({ model }) => void model.refresh("notes", notesWithStorage, { forceUnits: model.revision % 2 === 0 }),
  ({ model }, unit) => model.resolved(unit, { retry: model.revision % 2 === 0 }),
  ({ model, now }, unit) => void model.enqueueExec([unit], "true", now),
  ({ model, now }, unit) => void model.enqueueAction([unit], "backup", { level: 2 }, now),
  ({ model }) => model.attachResource("notes", "image", "/tmp/image.tgz"),
];

class Player {
  readonly world: World;
  readonly #open = new Map<string, Hook>();
  /** How often a snapshot is taken and restored in place of the model: never, or at each n-th step without a run. */
  readonly #every: number;

  readonly #random: (count: number) => Uint8Array;

  constructor({ seed, settled }: { seed: number; settled: boolean }, every: number) {
    this.#random = seeded(seed);
    this.world = new World({ random: this.#random, juju: seed % 2 === 0 ? "3.6" : "4.0" });
    this.#every = every;
    this.world.model.deploy({ charm: notes, units: 2, config: {}, resources: {}, now: this.world.now });
    this.world.model.deploy({ charm: pg, units: 1, config: {}, resources: {}, now: this.world.now });
    this.world.boot();
    if (!settled) return;
    this.world.model.integrate("notes:db", "pg:db", this.world.now);
    this.world.settle();
  }

  play(steps: readonly Step[]): string[] {
    return steps.map((step, index) => {
      this.world.now += 1000;
      if (this.#every > 0 && index % this.#every === 0 && this.#open.size === 0) this.swap();
      return this.#step(step);
    });
  }

  /** The model is replaced by what a snapshot of it gives. */
  swap(): void {
    const json = JSON.stringify(this.world.model.snapshot());
    this.world.model = State.restore(JSON.parse(json), this.#random);
  }

  #unit(index: number): string {
    const units = Object.keys(this.world.model.data.units);
    return units[index % Math.max(1, units.length)] ?? "notes/99";
  }

  #step(step: Step): string {
    const { world } = this;
    switch (step.kind) {
      case "run":
        return this.#begin(this.#unit(step.unit), step.ending);
      case "whole":
        return this.#begin(this.#unit(step.unit), step.ending) + this.#finish(this.#unit(step.unit), step.ending % 40);
      case "finish":
        return this.#finish(this.#unit(step.unit), step.ending);
      case "wait":
        world.now += step.seconds * 1000;
        world.model.tick(world.now);
        return "wait";
      case "agent":
        return this.#agent(this.#unit(step.unit), step.what);
      case "verb":
        return this.#verb(step.verb, this.#unit(step.unit));
    }
  }

  #begin(unit: string, whim: number): string {
    const operation = this.world.next(unit);
    if (operation === null) return `${unit}: nothing`;
    const hook = this.world.begin(unit, operation);
    this.#open.set(unit, hook);
    busyCharm(hook, whim);
    return `${unit}: ${JSON.stringify(operation)}`;
  }

  #finish(unit: string, ending: number): string {
    const hook = this.#open.get(unit);
    if (hook === undefined) return "";
    this.#open.delete(unit);
    this.world.finish(
      hook,
      ending === 0 ? exit(1) : ending === 1 ? { signal: "SIGKILL", stdout: "", stderr: "" } : exit(0),
    );
    return `${unit}: ended`;
  }

  #agent(unit: string, what: number): string {
    const { model, now } = this.world;
    if (model.data.units[unit] === undefined) return "";
    this.#open.delete(unit);
    if (what === 0) model.agentStopped(unit, now);
    else model.agentStarted(unit, now, { rebooted: what === 1 });
    this.world.checked();
    return `${unit}: agent ${what}`;
  }

  #verb(verb: number, unit: string): string {
    let said = "done";
    try {
      VERBS[verb]?.(this.world, unit);
    } catch (error) {
      said = error instanceof Error && error.name === "UserError" ? error.message : throwAgain(error);
    }
    this.world.checked();
    this.world.boot();
    return `verb ${verb}: ${said}`;
  }

  /** Ends what runs, brings every agent back, and lets everything come to rest without failures. */
  rest(): void {
    const { world } = this;
    for (const [unit, hook] of this.#open) {
      if (world.model.data.units[unit] !== undefined) world.finish(hook, exit(0));
    }
    for (const { name, agent } of Object.values(world.model.data.units)) {
      if (!agent.connected && world.model.data.units[name] !== undefined)
        world.model.agentStarted(name, world.now, { rebooted: false });
    }
    world.settle();
    world.pass(10 * 60_000);
  }
}

function throwAgain(error: unknown): never {
  throw error;
}

const game = fc.record({ seed: fc.nat(1000), settled: fc.boolean(), steps: fc.array(step, { maxLength: 120 }) });

describe("whatever happens in whatever order", () => {
  test("the state stays one that Juju could have, and at rest every unit has seen the latest of every bag", () => {
    fc.assert(
      fc.property(game, (played) => {
        const player = new Player(played, 0);
        player.play(played.steps);
        player.rest();
        expectAllSeen(player.world.model);
      }),
      { numRuns: 150 },
    );
  });

  test("a snapshot taken and restored in between changes nothing", () => {
    fc.assert(
      fc.property(game, fc.integer({ min: 1, max: 9 }), (played, every) => {
        const plain = new Player(played, 0).play(played.steps);
        const swapped = new Player(played, every).play(played.steps);
        expect(swapped).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });
});

function expectAllSeen({ data }: ModelState): void {
  for (const unit of Object.values(data.units)) {
    expect(unit.agent.current).toBeNull();
    for (const relation of Object.values(data.relations)) {
      const own = relation.units[unit.name];
      const peer = relation.endpoints.length === 1;
      if (own?.entered !== true) continue;
      const local = unit.agent.relations[relation.id];
      for (const [name, scope] of Object.entries(relation.units)) {
        const remote = name !== unit.name && (peer || !name.startsWith(`${unit.application}/`));
        expect(local?.members[name]).toBe(remote && scope.visible ? scope.version : undefined);
      }
      const watched = relation.endpoints
        .map((end) => end.application)
        .find((name) => peer || name !== unit.application);
      expect(local?.apps[watched ?? ""] ?? 0).toBe(relation.apps[watched ?? ""]?.version);
    }
  }
}

test("a provider without peers rests too", () => {
  const world = new World();
  world.model.deploy({ charm: pgAlone, units: 1, config: {}, resources: {}, now: world.now });
  world.boot();
  world.settle();
  expectAllSeen(world.model);
  expect(world.traced("pg/0")).toEqual(["install", "leader-elected", "config-changed", "start"]);
});
