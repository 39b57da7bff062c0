/** An agent that is killed at any moment of an install ends it in its next life, by itself, without fetching it twice. */

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { knownArchive, publishedIn } from "../fixtures/agent/archive.ts";
import { Place } from "../fixtures/agent/place.ts";
import { SlowMirror } from "../fixtures/agent/slow-mirror.ts";
import { installed, Unit } from "../fixtures/agent/unit.ts";
import { leftovers } from "../fixtures/store/place.ts";

const SIZE = 20_000_000;
/** What an operator may be asked to wait, in milliseconds, for what is left of an install of which at most five seconds of bytes remain. */
const HEALED = 10_000;

test("one kill in each of many installs", async () => {
  const rounds = inject("long") ? 200 : 10;
  const archive = await knownArchive(SIZE);
  await using place = new Place();
  await using mirror = await new SlowMirror(archive).listen();
  await using unit = await Unit.create({ directory: place.directory, number: 0, mirror: mirror.url });
  // A second of bytes: a life of an install lasts about 1.3 s, and the moments are spread over all of it.
  mirror.speed = SIZE;
  unit.mount(place.store());
  const healed: number[] = [];
  const fetched: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const store = place.store();
    unit.renew(store);
    unit.order({ target: archive.target, fetch: true });
    mirror.served = 0;
    await unit.start();
    await sleep(randomInt(1_500));
    await unit.signal("SIGKILL");
    await unit.start();
    const began = performance.now();
    await unit.shows("the release", installed);
    healed.push(performance.now() - began);
    fetched.push(mirror.served / archive.bytes.length);
    await unit.signal("SIGKILL");
    expect(Object.values(publishedIn(store))).toEqual([archive.files]);
    expect(leftovers(store)).toEqual([]);
  }
  console.log(
    `${rounds} installs of 20 MB, one SIGKILL each: healed in ${worst(healed)} ms at most; fetched ${worst(fetched, 2)} x the archive at most`,
  );
  expect(Math.max(...fetched)).toBeLessThanOrEqual(2);
  expect(Math.max(...healed)).toBeLessThanOrEqual(HEALED);
});

test("one install, killed twenty times", async () => {
  const archive = await knownArchive(SIZE);
  await using place = new Place();
  await using mirror = await new SlowMirror(archive).listen();
  await using unit = await Unit.create({ directory: place.directory, number: 0, mirror: mirror.url });
  mirror.speed = SIZE / 5;
  const store = place.store();
  unit.mount(store);
  unit.order({ target: archive.target, fetch: true });
  for (let kill = 0; kill < 20; kill++) {
    await unit.start();
    await sleep(randomInt(600));
    await unit.signal("SIGKILL");
    // Whole, or not there.
    for (const files of Object.values(publishedIn(store))) expect(files).toEqual(archive.files);
  }
  await unit.start();
  await unit.shows("the release", installed);
  expect(Object.values(publishedIn(store))).toEqual([archive.files]);
  expect(leftovers(store)).toEqual([]);
  const ratio = mirror.served / archive.bytes.length;
  console.log(`One install of 20 MB, killed twenty times: fetched ${ratio.toFixed(2)} x the archive`);
  expect(ratio).toBeLessThanOrEqual(2);
});

const worst = (values: readonly number[], digits = 0): string => Math.max(...values).toFixed(digits);
