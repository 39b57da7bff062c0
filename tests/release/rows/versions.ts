/** To another version and back: what goes on, and what has to be done by hand. */

import { gte } from "semver";
import { WEB } from "../../e2e/concourse.ts";
import { WebPoll } from "../../e2e/web-poll.ts";
import { checkResource, knownVersions } from "../check.ts";
import { RunningBuilds } from "../running.ts";
import { holds, type Row } from "../row.ts";
import { seconds, until, type World } from "../world.ts";
import { longestGap } from "./web.ts";

/** The newest migration of each line of versions (concourse/concourse, atc/db/migration/migrations). */
const SCHEMAS: readonly (readonly [since: string, migration: number])[] = [
  ["8.3.0", 1783024587],
  ["8.2.0", 1776182280],
  ["8.1.0", 1771492499],
  ["8.0.0", 1765921815],
  ["7.14.0", 1746768931],
];

const schemaOf = (version: string): number => SCHEMAS.find(([since]) => gte(version, since))?.[1] ?? 0;

/** `concourse migrate` of a release on the store, with the web's own settings. */
async function migrate(world: World, version: string, words: string): Promise<string> {
  const { web } = await world.concourse.roles().catch(() => ({ web: "" }));
  const unit = web || (await webUnit(world));
  const script = `set -a; . /etc/concourse/web.env; set +a
exec /var/lib/concourse/releases/${version}-*/bin/concourse migrate ${words} 2>&1`;
  return (await world.concourse.inUnit(unit, script)).trim();
}

/** Also while the web is stopped. */
async function webUnit(world: World): Promise<string> {
  for (const unit of await world.concourse.units())
    if ((await world.concourse.run(unit, "test -e /etc/concourse/web.env")).code === 0) return unit;
  throw new Error("no unit has a web");
}

async function changeTo(world: World, version: string): Promise<number> {
  const began = performance.now();
  await world.concourse.configure({ version });
  await until(`every unit runs ${version}`, 300, async () => {
    const vitals = Object.values(await world.concourse.vitals());
    return vitals.every(({ release, web, worker }) => release.startsWith(`${version}-`) && web + worker > 0);
  });
  await world.settled();
  return seconds(began);
}

export const checks: Row = {
  id: "check",
  name: "A resource is checked, and its version is known",
  async run(world) {
    const status = await checkResource(world);
    holds(status === "succeeded", `the check ${status}`);
    holds((await knownVersions(world)) === 1, "its version is not listed");
    return "succeeded, one version";
  },
};

export const schema: Row = {
  id: "schema",
  name: "The schema has the number of the version, and `migrate` tells it",
  async run(world) {
    const current = await migrate(world, world.version, "--current-db-version");
    const supported = await migrate(world, world.version, "--supported-db-version");
    const wanted = `${schemaOf(world.version)}`;
    holds(current === wanted && supported === wanted, `current ${current}, supported ${supported}, not ${wanted}`);
    return wanted;
  },
};

const target = (world: World): string => world.options.to?.version ?? "";

/** The tables of 7.14 and of 8.0 differ in what every check writes. */
const differ = (world: World): boolean => schemaOf(world.version) !== schemaOf(target(world));

export const upgradeWithBuilds: Row = {
  id: "upgrade-builds",
  name: "Builds survive the upgrade of web and workers",
  builds: true,
  upgrade: true,
  limit: 900,
  async run(world) {
    const builds = await RunningBuilds.start(world, "upgraded", 3);
    try {
      const poll = new WebPoll(world.url);
      poll.begin();
      const took = await changeTo(world, target(world));
      await builds.countOn(180);
      const away = longestGap(await poll.end());
      const missing = await builds.end();
      return `done after ${took} s, API away for ${away} s, 3 of 3 builds succeeded, ${missing} ticks missing from their logs`;
    } finally {
      await builds.discard();
    }
  },
};

export const upgrade: Row = {
  id: "upgrade",
  name: "After an upgrade the schema is the newer one's, workers register, and checks succeed",
  upgrade: true,
  limit: 600,
  async run(world) {
    const took = await changeTo(world, target(world));
    const current = await migrate(world, target(world), "--current-db-version");
    holds(current === `${schemaOf(target(world))}`, `the schema is at ${current}`);
    const status = await checkResource(world);
    holds(status === "succeeded", `the check ${status}`);
    return `to ${target(world)} after ${took} s, schema ${current}`;
  },
};

export const back: Row = {
  id: "back",
  name: "The older web on the newer schema starts, lets users in and registers workers; its checks fail",
  upgrade: true,
  limit: 600,
  async run(world) {
    await changeTo(world, world.version);
    const status = await checkResource(world);
    const wanted = differ(world) ? "errored" : "succeeded";
    holds(status === wanted, `the check ${status}`);
    return `the check ${status}`;
  },
};

export const downAndBack: Row = {
  id: "back-by-hand",
  name: "With the webs stopped, `migrate` of the newer version takes the schema down; then the older web's checks succeed",
  upgrade: true,
  limit: 600,
  async run(world) {
    const to = schemaOf(world.version);
    const older = await migrate(world, world.version, `--migrate-db-to-version=${to}`);
    const after = await migrate(world, target(world), "--current-db-version");
    holds(after === `${schemaOf(target(world))}`, `the older one took the schema to ${after}`);
    const unit = await webUnit(world);
    // Past whoever keeps it running.
    await world.concourse.inUnit(unit, `systemctl stop ${WEB}`);
    const newer = await migrate(world, target(world), `--migrate-db-to-version=${to}`);
    const down = await migrate(world, target(world), "--current-db-version");
    await world.concourse.inUnit(unit, `systemctl restart ${WEB}`);
    holds(down === `${to}`, `the schema is at ${down}: ${newer}`);
    await world.settled();
    const status = await checkResource(world);
    holds(status === "succeeded", `the check ${status}`);
    return `of the older one: “${older}”, without effect; of the newer one: “${newer}”; then the check ${status}`;
  },
};
