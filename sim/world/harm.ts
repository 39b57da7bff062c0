/** What befalls the store as a whole: tampering hands, and the loss of its power. */
import { firstCopy, releaseName, RELEASES } from "../../src/store/layout.ts";
import { entriesOf } from "../check/tree.ts";
import { committed } from "./committed.ts";
import type { Dice } from "./random.ts";
import { fingerprint } from "../check/spoilt.ts";
import { spoil } from "./spoil.ts";
import { plantCopy, plantLink, takeCopyAway } from "./tamper.ts";
import type { World } from "./world.ts";

/** The charm gives up after four copies. */
const MOST_SPOILT = 2;

export class Harm {
  readonly #world: World;
  #spoilt = 0;
  readonly #planted: (() => void)[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Somebody puts a link in the place of one of the store's directories; it is taken away later. */
  plantLink(dice: Dice): void {
    const { store, checks, scheduler } = this.#world;
    const takeBack = this.#withRoom(() => plantLink(store, dice));
    if (takeBack === null) return;
    this.#world.met("link planted in the store");
    checks.linksPlanted = true;
    this.#planted.push(takeBack);
    scheduler.later(dice.magnitude(1_000, 600_000), takeBack);
  }

  /**
   * Somebody who may write the store puts a copy of their own beside a release that all have agreed on, be it in use or one
   * that they may go back to. What nobody has agreed on is whatever a writer of the store says it is: that is trust's limit.
   */
  plantCopy(dice: Dice): void {
    const { store, checks } = this.#world;
    const agreed = this.#agreedByAll();
    const name = this.#withRoom(() => plantCopy(store, dice, (one) => agreed(one) && !checks.spoilt.names(one)));
    if (name === null) return;
    this.#world.met("copy planted beside a release");
    checks.tampered.add(name);
  }

  /** Tells of the name of a release's first copy whether every application has agreed on it. */
  #agreedByAll(): (release: string) => boolean {
    const { applications } = this.#world;
    const remembered = applications.map((application) =>
      (committed(application)?.committed ?? []).map((one) => releaseName(one)),
    );
    return (release) => remembered.every((names) => names.includes(release));
  }

  /**
   * A file of a published release that all have agreed on is no longer what it was. A few times at most: in the end the
   * application asks for a person.
   */
  spoil(dice: Dice): void {
    const { store, checks } = this.#world;
    const agreed = this.#agreedByAll();
    const there = [...entriesOf(store.root, RELEASES)].filter(
      ([name, node]) => node.kind === "directory" && agreed(firstCopy(name)) && !checks.tampered.has(name),
    );
    if (there.length === 0 || this.#spoilt >= MOST_SPOILT) return;
    const [name, release] = dice.pick(there);
    if (release.kind !== "directory" || checks.spoilt.has(name, release)) return;
    this.#spoilt += 1;
    const whole = fingerprint(release);
    const way = this.#withRoom(() => spoil(store, release, dice));
    this.#world.met(`release in use: ${way}`);
    checks.harmed(name, release, whole, way !== "byte rotted");
  }

  /** A controller that is put back forgets what was agreed on since. */
  removeCopies(): void {
    for (const name of this.#world.checks.tampered) takeCopyAway(this.#world.store, name);
  }

  removeLinks(): void {
    for (const takeBack of this.#planted) takeBack();
  }

  /** All machines and the disk under the store lose their power at once. */
  powerLoss(dice: Dice): void {
    const { store, checks, scheduler } = this.#world;
    const units = this.#world.living().filter(({ up }) => up);
    for (const unit of units) unit.powerOff();
    if (store.log !== null) {
      this.#world.met("power loss");
      this.#withRoom(() => store.powerLoss(() => dice.fraction()));
      checks.forget(store);
      for (const unit of units) checks.recalled(unit);
    }
    for (const unit of units) scheduler.later(dice.magnitude(100, 60_000), () => unit.powerOn());
  }

  /** A full disk is full for units, not for what the world itself does to it. */
  #withRoom<Result>(work: () => Result): Result {
    const { store } = this.#world;
    const { capacity } = store;
    store.capacity = Number.POSITIVE_INFINITY;
    try {
      return work();
    } finally {
      store.capacity = capacity;
    }
  }
}
