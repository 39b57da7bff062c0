/** What can be missing or wrong before Concourse has run for the first time; then: who can read its secrets. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deployConcourse, APPLICATION, type Concourse } from "./concourse.ts";
import { expectToHeal, table, type Figure } from "./faults.ts";
import { CommandLines, filesWith, lines, needlesOf, type Needle } from "./secrets.ts";
import { Tool } from "./tool.ts";

const UNIT = `${APPLICATION}/0`;
const NO_MOUNT = /^(waiting|blocked) Waiting for shared storage mount/;
const NO_DATABASE = /^blocked .*juju integrate concourse-ci-machine:postgresql postgresql$/;

let tool: Tool;
let concourse: Concourse;
let web = "";
let needles: readonly Needle[] = [];
const figures: Figure[] = [];
const commandLines = new CommandLines();

beforeAll(async () => {
  tool = await Tool.create("faults-first");
  const config = { mode: "everything" };
  concourse = await deployConcourse(tool, { units: 2, config, storage: "later", database: "deployed" });
});
afterAll(async () => {
  commandLines.stop();
  process.stdout.write(table(figures));
  await tool.remove();
});

test("an unknown mode", async () => {
  await expectToHeal(concourse, figures, {
    name: "mode=everything at deployment",
    unit: UNIT,
    cause: async () => undefined,
    shows:
      /^blocked Option mode: "everything" is unknown, use auto, web or worker\. juju config concourse-ci-machine mode=…$/,
    remedy: () => concourse.configure({ mode: "auto" }),
    heals: NO_MOUNT,
  });
});

test("an unknown kind of shared storage", async () => {
  await expectToHeal(concourse, figures, {
    name: "shared-storage=ceph at deployment",
    unit: UNIT,
    cause: () => concourse.configure({ "shared-storage": "ceph" }),
    shows: /^blocked Option shared-storage: "ceph" is unknown, use none or lxc\. juju config \S+ shared-storage=…$/,
    remedy: () => concourse.configure({ "shared-storage": "lxc" }),
    heals: NO_MOUNT,
  });
});

test("no shared directory: it is used within 3 s of appearing", async () => {
  // Everything else is at rest when it appears.
  await tool.until("both units waiting", (status) =>
    Object.values(status.applications[APPLICATION]?.units ?? {}).every(
      ({ workload, agent }) => NO_MOUNT.test(`${workload.current} ${workload.message}`) && agent.current === "idle",
    ),
  );
  let appeared = 0;
  await expectToHeal(concourse, figures, {
    name: "disk attached after the units are up",
    unit: UNIT,
    cause: async () => undefined,
    shows: NO_MOUNT,
    remedy: async () => {
      await concourse.attach();
      appeared = Date.now();
    },
    heals: /^(?!blocked|.*shared storage)/,
    goesOn: "nothing",
  });
  web = await concourse.leader();
  await concourse.untilStatus(web, NO_DATABASE);
  const ms = (await downloadBegan()) - appeared;
  process.stdout.write(`The download began ${ms} ms after the disk appeared\n`);
  expect(ms).toBeLessThanOrEqual(3_000);
});

/** When the archive was asked for; requests are told once they have ended. */
async function downloadBegan(): Promise<number> {
  for (;;) {
    const request = (await concourse.requests()).find(({ path }) => path.endsWith(".tgz"));
    if (request !== undefined) return request.start;
    await pause(200);
  }
}

test("no database, and the web's ports in other hands", async () => {
  await squat(8080);
  await squat(2222);
  const untouched = { unit: web, cause: async () => undefined, goesOn: "nothing" } as const;
  await expectToHeal(concourse, figures, {
    ...untouched,
    name: "no PostgreSQL",
    shows: NO_DATABASE,
    remedy: () => concourse.integrate(),
    heals: /^blocked Port 8080 is taken/,
  });
  await expectToHeal(concourse, figures, {
    ...untouched,
    name: "port 8080 taken",
    shows: /^blocked Port 8080 is taken by another program on this machine: juju config \S+ web-port=…, or end it/,
    remedy: () => concourse.inUnit(web, "systemctl stop squatter-8080"),
    heals: /^blocked Port 2222 is taken/,
  });
  await expectToHeal(concourse, figures, {
    ...untouched,
    name: "port 2222 taken",
    shows: /^blocked Port 2222 is taken by another program on this machine: end it \(ss -ltnp\)$/,
    remedy: () => concourse.inUnit(web, "systemctl stop squatter-2222"),
    heals: /^active Web server ready/,
  });
  await concourse.ready();
});

/** Listens on a port of the web's machine, on all addresses. */
async function squat(port: number): Promise<void> {
  const program = `require("node:net").createServer().listen(${port})`;
  const node = "/var/lib/concourse-unit/program/node";
  await concourse.inUnit(web, `systemd-run --quiet --collect --unit=squatter-${port} ${node} -e '${program}'`);
}

test("secrets are where they have to be, and nowhere else", async () => {
  commandLines.stop();
  needles = await needlesOf(concourse);
  expect(needles.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "admin-password",
      "admin-password-hash",
      "session-signing-key",
      "tsa-host-key",
      "password",
    ]),
  );
  const relations = JSON.stringify(await concourse.databags());
  expect(relations).toContain("ingress-address");
  expect(found(relations)).toEqual([]);
  expect(found(lines(commandLines.seen))).toEqual([]);
  expect(commandLines.seen.size).toBeGreaterThan(100);
});

test("no log and nothing on the shared directory holds a secret", async () => {
  const log = join(tool.modelDirectory, "log");
  for (const name of await readdir(log)) {
    expect([name, found(await readFile(join(log, name), "utf8"))]).toEqual([name, []]);
  }
  for (const unit of await concourse.units()) {
    await concourse.inUnit(unit, "journalctl --no-pager --output=cat >/var/tmp/journal");
    expect(await concourse.inUnit(unit, "grep -c concourse /var/tmp/journal")).not.toBe("0");
  }
  const onStore = await filesWith(concourse.sharedDirectory, needles);
  expect(onStore).toEqual([]);
});

test("files with secrets are for their one user, and worker units hold none of the cluster's", async () => {
  const units = await concourse.units();
  for (const unit of units) {
    const files = await filesWith(await concourse.filesOf(unit), needles);
    expect(files.filter(({ mode }) => mode !== 0o600)).toEqual([]);
    expect(files.filter(({ path }) => /journal|new-cluster-secret/.test(path))).toEqual([]);
    const cluster = files.filter(({ needle }) => needle !== "worker-key");
    expect([unit, cluster.length > 0]).toEqual([unit, unit === web]);
    if (unit !== web) expect(files.map(({ path }) => path)).toContain("upper/0/etc/concourse/worker_key");
  }
  expect(await concourse.readersOf("concourse-cluster")).toEqual([web]);
});

function found(text: string): string[] {
  return needles.filter(({ value }) => text.includes(value)).map(({ name }) => name);
}
