/** What goes wrong, and how it is put right again. Each is an entry of a list that the seed has written beforehand. */
import { LOCK, RELEASES, TRASH, trashedRelease } from "../../src/store/layout.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import { WEB_SERVICE, WORKER_SERVICE } from "../../src/concourse/services.ts";
import { changeBag } from "../juju/bags.ts";
import { peersOf, type Application } from "../juju/model.ts";
import { MISHAPS } from "./network.ts";
import type { Moment } from "./moments.ts";
import type { Dice } from "./random.ts";
import { entriesOf } from "../check/tree.ts";
import { leasesOf } from "../check/leases.ts";
import type { Life } from "./scheduler.ts";
import type { SimUnit } from "./unit.ts";
import type { World } from "./world.ts";

export interface Fault {
  /** Its place in the list that the seed has written: what a command line names it by. */
  readonly index: number;
  /** Not before this step. */
  readonly at: number;
  readonly kind: FaultKind;
  /** It waits until some unit gets there; null = it happens at its step. */
  readonly moment: Moment | null;
}

type Act = (world: World, unit: SimUnit, dice: Dice, moment: Moment | null) => void;

/** What everybody's version is: that of the first application, whose webs the others go by. */
const first = (world: World, unit: SimUnit): Application => world.applications[0] ?? application(unit);
const application = (unit: SimUnit): Application => unit.juju.application;

/** Milliseconds, each order of magnitude alike. */
const aWhile = (dice: Dice): number => dice.magnitude(20, 600_000);

const ACTS = {
  "kill agent": (_, unit) => unit.services.crash("concourse-agent.service"),
  "kill hook": (world, unit) => {
    if (unit.run !== null) world.met("hook killed before its commit");
    unit.killHook();
  },
  "pause agent": (world, unit, dice) => freeze(world, unit, unit.agent === null ? [] : [unit.agent.life], dice),
  "pause hook": (world, unit, dice) => freeze(world, unit, unit.run === null ? [] : [unit.run.life], dice),
  "pause machine": (world, unit, dice) => freeze(world, unit, unit.lives(), dice),
  "pause holder and elect": (world, unit, dice) => {
    const holder = [...world.network.downloads].find(({ alive, frozen }) => alive && !frozen);
    const paused = world.units.find(({ agent }) => agent !== null && agent.life === holder) ?? unit;
    if (paused.agent === null) return;
    freeze(world, paused, [paused.agent.life], dice);
    world.elect(application(paused));
    if (holder !== undefined && application(paused).leader !== paused.juju)
      world.met("paused holder outlived by a new leader");
  },
  "machine off": (world, unit, dice) => {
    if (!unit.up) return;
    unit.powerOff();
    world.scheduler.later(aWhile(dice), () => unit.powerOn());
    world.scheduler.later(
      45_000,
      () => !unit.up && application(unit).leader === unit.juju && world.elect(application(unit)),
    );
  },
  "power loss": (world, _, dice) => world.harm.powerLoss(dice),
  elect: (world, unit) => world.elect(application(unit)),
  "change version": (world, unit, dice, moment) => {
    const now = first(world, unit).config["version"];
    const { version } = dice.pick(world.archives.right.filter((archive) => archive.version !== now));
    if (world.network.downloads.size > 0) world.met("version changed in mid-download");
    if (moment === "moving to trash") world.met("version changed while a release was moved to trash");
    world.configure(first(world, unit), { version });
  },
  "change option": (world, unit, dice) => {
    const both = dice.chance(0.5);
    world.met(both ? "option of webs and workers changed" : "option of workers changed");
    // The first concerns both, the second workers alone.
    const change = both ? { "log-level": dice.pick(["debug", "error"]) } : { tag: `t${world.scheduler.steps}` };
    world.configure(application(unit), change);
  },
  "pause cleaner and go back": (world, unit, dice) => {
    // Whoever cleans up has looked at the leases; now the units turn to what it is about to move away, a new one first.
    if (unit.agent === null) return;
    const now = String(first(world, unit).config["version"]);
    const leased = new Set(leasesOf(world.store).flatMap(({ releases }) => releases));
    const moved = [...entriesOf(world.store.root, TRASH).keys()].flatMap((name) => trashedRelease(name) ?? []);
    const there = [...entriesOf(world.store.root, RELEASES).keys(), ...moved];
    const unused = there.filter((name) => !leased.has(name));
    const old = unused.filter((name) => name.split("-")[0] !== now);
    if (old.length === 0) return;
    const back = dice.pick(old);
    world.met("version went back while a cleaner slept");
    freezeFor(world, [unit.agent.life], dice.magnitude(5_000, 300_000));
    if (dice.chance(0.7)) thawOnceLeased(world, unit.agent.life, back, dice);
    if (application(unit).leader === unit.juju) world.elect(application(unit));
    world.configure(first(world, unit), { version: back.split("-")[0] ?? "" });
    if (world.living().length < world.shape.mostUnits) world.addUnit(application(unit));
  },
  "add unit": (world, unit) => {
    if (world.living().length >= world.shape.mostUnits || world.isStrange(unit)) return;
    if (world.network.downloads.size > 0) world.met("unit added in mid-download");
    world.addUnit(application(unit));
  },
  "remove unit": (world, unit) => world.removeUnit(unit),
  weather: (world, _, dice) => {
    const mishaps = MISHAPS.filter(() => dice.chance(0.35));
    world.network.weather = { share: dice.pick([0.3, 0.6, 1]), mishaps, most: dice.between(1, 6) };
  },
  events: (world, _, dice) => {
    const chance = () => dice.pick([0, 0.1, 0.3]);
    world.events.chances = { lost: chance(), doubled: chance(), reordered: chance() };
  },
  "wall clock jumps": (world, _, dice) => {
    world.met("wall clock jumped");
    world.scheduler.wall += (dice.chance(0.5) ? 1 : -1) * dice.magnitude(1_000, 400 * 24 * 3_600_000);
  },
  "mount lost": (world, unit, dice) => {
    if (unit.mounted() !== world.store) return;
    if (unit.agent !== null && world.network.downloads.has(unit.agent.life)) world.met("mount lost under the lock");
    unit.machine.detach(STORE_PATH);
    world.scheduler.later(aWhile(dice), () => world.mount(unit));
  },
  "mount replaced": (world, unit, dice) => {
    // Before the application has agreed on its store any marked one will do.
    const agreed = peersOf(application(unit)).applicationBags.get(application(unit).name)?.value["cluster"];
    if (unit.mounted() !== world.store || agreed?.includes('"store":"') !== true) return;
    world.met("another store mounted");
    unit.machine.replace(STORE_PATH, world.anotherDisk());
    world.scheduler.later(aWhile(dice), () => world.mount(unit));
  },
  "remounted read-only": (world, unit, dice) => {
    world.met("store remounted read-only");
    unit.machine.remount(STORE_PATH, true);
    world.scheduler.later(aWhile(dice), () => unit.machine.remount(STORE_PATH, unit.readOnly));
  },
  "lock file replaced": (world) => {
    const { root } = world.store;
    const file = root.entries.get(LOCK);
    if (file?.kind !== "file") return;
    if (file.holders.size > 0) world.met("lock file replaced under its holder");
    world.checks.replacedLocks.push(file);
    world.store.remove(root, LOCK);
  },
  "disk full": (world, _, dice) => {
    world.met("disk full");
    world.store.capacity = world.store.used + dice.pick([0, 300, 3_000]);
    world.scheduler.later(aWhile(dice), () => (world.store.capacity = 1e12));
  },
  "controller restored": (world, unit, dice) => {
    const { history, name } = application(unit);
    const peers = peersOf(application(unit));
    if (history.length === 0) return;
    const old = dice.pick(history.slice(-3));
    world.restored = true;
    world.harm.removeCopies();
    world.checks.generations.forget(application(unit));
    changeBag(peers.applicationBags, name, { cluster: old["cluster"] ?? "" });
    for (const other of world.units) other.consider();
  },
  "service ends": (_, unit, dice) => unit.services.crash(dice.pick([WEB_SERVICE, WORKER_SERVICE])),
  "charm refreshed": (world, unit) => {
    world.program = `p${world.scheduler.steps}`;
    world.configure(application(unit), {});
  },
  "link planted": (world, _, dice) => world.harm.plantLink(dice),
  "release spoilt": (world, _, dice) => world.harm.spoil(dice),
  "copy planted": (world, _, dice) => world.harm.plantCopy(dice),
} satisfies Record<string, Act>;

export type FaultKind = keyof typeof ACTS;
export const FAULTS = Object.keys(ACTS) as FaultKind[];

export function act(world: World, fault: Fault, unit: SimUnit, dice: Dice): void {
  const life = unit.agent?.life ?? null;
  if (fault.moment !== null) world.met(`${MET[fault.kind] ?? fault.kind} ${fault.moment}`);
  if (life !== null && fault.kind === "kill agent") world.met("agent killed");
  const work: Act = ACTS[fault.kind];
  work(world, unit, dice, fault.moment);
}

/** How a situation is named that one of these made at some moment. */
const MET: Partial<Record<FaultKind, string>> = { "kill agent": "killed", "pause agent": "paused" };

function freeze(
  world: World,
  unit: SimUnit,
  lives: SimUnit["lives"] extends () => infer Lives ? Lives : never,
  dice: Dice,
): void {
  if (lives.length === 0) return;
  const pause = aWhile(dice);
  freezeFor(world, lives, pause);
  const holds = unit.agent !== null && world.network.downloads.has(unit.agent.life);
  if (holds && pause > 60_000) world.met("holder paused for more than a minute");
}

/** The worst moment to wake up in: somebody has leased the release, and not begun to use it. */
function thawOnceLeased(world: World, life: Life, release: string, dice: Dice): void {
  const pause = dice.magnitude(1, 100);
  const look = (): void => {
    if (!life.frozen || !life.alive) return;
    const isLeased = leasesOf(world.store).some(({ releases }) => releases.includes(release));
    if (isLeased) world.scheduler.thaw(life);
    else world.scheduler.later(pause, look);
  };
  world.scheduler.later(pause, look);
}

function freezeFor(world: World, lives: readonly Life[], milliseconds: number): void {
  for (const life of lives) {
    world.scheduler.freeze(life);
    world.scheduler.later(milliseconds, () => world.scheduler.thaw(life));
  }
}
