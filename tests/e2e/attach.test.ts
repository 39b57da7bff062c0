/** `storage` against doubles of `juju`, `lxc` and `incus` that answer as the real ones do and remember what is attached. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import type { Overview } from "../../src/cli/storage/overview.ts";
import type { DoubleWorld } from "../fixtures/storage/double.ts";
import { Doubles } from "../fixtures/storage/doubles.ts";
import { instance, LAB, OTHER, storageAnswer, type ModelSpec } from "../fixtures/storage/world.ts";

const lab: ModelSpec = {
  name: "admin/lab",
  uuid: LAB,
  applications: { ci: { 0: { machine: "0" }, 1: { machine: "1" } } },
};
/** The same machines and units, in a model whose UUID ends in the same digits: their containers have the same names. */
const twin: ModelSpec = { ...lab, name: "admin/twin", uuid: `${OTHER.slice(0, -6)}${LAB.slice(-6)}` };

let doubles: Doubles;
afterEach(() => doubles.remove());

function begin(world: Partial<DoubleWorld> = {}, clients?: readonly string[]): string {
  const all = { models: [lab], instances: { lxc: [instance(lab, "0"), instance(lab, "1")] }, ...world };
  doubles = new Doubles(all, clients);
  return join(doubles.directory, "store");
}

const added = (): string[] => doubles.changes().map((call) => `${call[0]} ${call[4]} ${call.at(-1)}`);

describe.each(["lxc", "incus"] as const)("with %s", (client) => {
  test("every unit gets the directory, is asked, and has one line; a second run changes nothing", async () => {
    const store = begin({ instances: { [client]: [instance(lab, "0"), instance(lab, "1")] } });
    const first = await doubles.run("storage", "attach", "ci", store, "-m", "admin/lab");
    const seen = "store 6f91c3bf-1111-4222-8333-444455556666";
    expect(first).toMatchObject({
      code: 0,
      stdout:
        `ci/0: attached to juju-a2b077-0 as "concourse-shared", read-write; ${seen}\n` +
        `ci/1: attached to juju-a2b077-1 as "concourse-shared", read-write; ${seen}\n`,
    });
    expect(first.stderr).toContain(`made ${store}`);
    expect(doubles.changes()[0]).toEqual([
      client,
      "config",
      "device",
      "add",
      "local:juju-a2b077-0",
      "concourse-shared",
      "disk",
      `source=${store}`,
      "path=/var/lib/concourse",
      "shift=true",
      "readonly=false",
      "--project",
      "default",
    ]);
    expect(lstatSync(store).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(store, ".lxc_shared_storage")).size).toBe(0);

    const second = await doubles.run("storage", "attach", "ci", store, "-m", "admin/lab");
    expect(second.code).toBe(0);
    expect(second.stdout).toBe(first.stdout.replaceAll("attached to", "attached already to"));
    expect(second.stderr).toBe("Nothing was changed\n");
    expect(doubles.changes()).toHaveLength(2);
  });

  test("detach removes what attach added, and only that", async () => {
    const byHand = { concourse: { type: "disk", source: "/srv/x", path: "/var/lib/concourse" } };
    const instances = [instance(lab, "0"), instance(lab, "1", { devices: byHand })];
    const store = begin({ instances: { [client]: instances } });
    await doubles.run("storage", "attach", "ci", store);
    const { code, stdout } = await doubles.run("storage", "detach", "ci");
    expect(code).toBe(1);
    expect(stdout).toContain(`ci/0: detached "concourse-shared" from juju-a2b077-0\n`);
    expect(stdout).toContain(`ci/1: not done: its device "concourse" is not ours: ${client} config device remove`);
    expect(doubles.world.instances[client]?.[1]?.devices).toEqual(byHand);
    expect((await doubles.run("storage", "detach", "ci")).stdout).toContain(
      "ci/0: nothing attached to juju-a2b077-0\n",
    );
  });
});

describe("only the model's own containers", () => {
  test("two models with equal unit names: the other one's containers are left alone", async () => {
    const others = [instance(twin, "0", { project: "twin" }), instance(twin, "1", { project: "twin" })];
    const store = begin({
      models: [lab, { ...twin, project: "twin" }],
      instances: { lxc: [...others, instance(lab, "0"), instance(lab, "1")] },
    });
    expect((await doubles.run("storage", "attach", "ci", store, "-m", "admin/lab")).code).toBe(0);
    expect(added()).toEqual(["lxc local:juju-a2b077-0 default", "lxc local:juju-a2b077-1 default"]);
  });

  test("a container of that name that carries another model's UUID, or none, is refused", async () => {
    const { "user.juju-model-uuid": _, ...bare } = instance(lab, "1").config;
    const store = begin({ instances: { lxc: [instance(twin, "0"), { ...instance(lab, "1"), config: bare }] } });
    const { code, stdout } = await doubles.run("storage", "attach", "ci", store);
    expect(code).toBe(1);
    expect(stdout).toBe(
      `ci/0: not done: juju-a2b077-0 here belongs to another model (${twin.uuid})\n` +
        "ci/1: not done: juju-a2b077-1 here was not made by Juju\n",
    );
    expect(doubles.changes()).toEqual([]);
  });
});

describe("a unit that cannot be served is told with the reason, and the others go on", () => {
  test("a daemon that cannot map owners says so for each unit", async () => {
    const failing = {
      "lxc config":
        'Error: Failed to start device "concourse-shared": idmapping abilities are required but aren\'t supported on system',
    };
    const store = begin({ failing });
    const { code, stdout } = await doubles.run("storage", "attach", "ci", store);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^ci\/0: not done: lxc config: Failed to start device .* use ext4, xfs or btrfs on a recent kernel$/m,
    );
  });

  test("a unit that does not answer, has another store, or whose agent is not there yet", async () => {
    const applications = { ci: { 0: { machine: "0" }, 1: { machine: "1" }, 2: { machine: "2", agent: "allocating" } } };
    const foreign = {
      id: "none",
      mounted: "true",
      problem: "Store of another application: relate to it or, if gone: rm /x",
      "return-code": 0,
    };
    const store = begin({
      models: [{ ...lab, applications }],
      instances: { lxc: ["0", "1", "2"].map((machine) => instance(lab, machine)) },
      answers: { "ci/0": null, "ci/1": foreign },
    });
    const { code, stdout } = await doubles.run("storage", "attach", "ci", store, "--wait", "1s");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ci\/0: attached to .*; no answer within 1 s$/m);
    doubles.world = { ...doubles.world, answers: { "ci/0": { status: "failed", message: "the unit is leaving" } } };
    expect((await doubles.run("storage", "attach", "ci", store, "--wait", "1s")).stdout).toMatch(
      /^ci\/0: attached already to .*; storage-status failed: the unit is leaving$/m,
    );
    expect(stdout).toMatch(/^ci\/1: attached to .*; Store of another application: relate to it or, if gone: rm \/x$/m);
    expect(stdout).toMatch(/^ci\/2: attached to .*; not asked: its Juju agent is allocating$/m);
  });
});

describe("read-only", () => {
  const workers = { ...lab, options: { ci: { mode: "worker" } } };
  test("is what applications with mode=worker get", async () => {
    const store = begin({ models: [workers] });
    expect((await doubles.run("storage", "attach", "ci", store)).stdout).toContain("read-only");
    expect(doubles.changes().every((call) => call.includes("readonly=true"))).toBe(true);
  });

  test("unless told otherwise; and what is attached the other way is not touched", async () => {
    const store = begin({ models: [workers] });
    expect((await doubles.run("storage", "attach", "ci", store, "--read-write")).code).toBe(0);
    const { code, stdout } = await doubles.run("storage", "attach", "ci", store);
    expect(code).toBe(1);
    expect(stdout).toContain(
      'ci/0: not done: it is attached read-write as "concourse-shared": to make it read-only, first: concourse-machine storage detach ci\n',
    );
    expect(doubles.changes()).toHaveLength(2);
  });
});

describe("the store of another model's web", () => {
  const behindAnOffer = { ...lab, relations: { ci: ["web"] } };
  test.each([
    ["is attached to workers that are related to it", behindAnOffer, /^ci\/0: attached to/, 0],
    ["is refused to others", lab, /^$/, 2],
  ])("%s", async (_, model, said, code) => {
    const store = begin({ models: [model] });
    mkdirSync(join(store, "apps"), { recursive: true });
    writeFileSync(join(store, ".lxc_shared_storage"), "");
    writeFileSync(join(store, "apps/99999999-web.json"), "{}");
    const ran = await doubles.run("storage", "attach", "ci", store);
    expect([ran.stdout, ran.code]).toEqual([expect.stringMatching(said), code]);
    if (code !== 0) expect(ran.stderr).toContain(`${store} is the store of another application (99999999-web)`);
  });
});

describe("one error, with the cause", () => {
  test.each<[string, Partial<DoubleWorld>, string[] | undefined, string[], RegExp]>([
    ["juju not installed", {}, ["lxc"], ["ci"], /juju is not installed\. Install it with: snap install juju/],
    ["no client", {}, ["juju"], ["ci"], /no containers can be seen here: lxc is not installed; incus is not installed/],
    [
      "controller unreachable",
      {
        failing: {
          juju: "ERROR cannot connect to API: unable to connect to API: dial tcp 10.0.0.1:17070: connect: connection refused",
        },
      },
      undefined,
      ["ci"],
      /juju show-model: cannot connect to API: .*connection refused/,
    ],
    ["no such model", {}, undefined, ["ci", "-m", "nope"], /juju show-model: model lxd-ctl:admin\/nope not found/],
    [
      "what else a client says before it fails",
      {
        failing: {
          lxc: 'If this is your first time running LXD on this machine, you should also run: lxd init\nTo start your first container, try: lxc launch ubuntu:24.04\n\nError: Get "http://unix.socket/1.0": dial unix /x: connect: permission denied',
        },
      },
      undefined,
      ["ci"],
      /no containers can be seen here: lxc query: Get "http.*permission denied; incus is not installed/,
    ],
    [
      "a model on Kubernetes",
      { models: [{ ...lab, cloud: "kubernetes", type: "caas" }] },
      undefined,
      ["ci"],
      /model admin\/lab is on Kubernetes: it has no machines/,
    ],
    ["no such application", {}, undefined, ["web"], /application "web" not found in model lab\. There are: ci/],
    [
      "another charm",
      { models: [{ ...lab, charm: "postgresql" }] },
      undefined,
      ["ci"],
      /runs charm postgresql, which uses no shared directory/,
    ],
    ["output that is no JSON", {}, [], ["ci"], /juju show-model printed no JSON/],
  ])("%s", async (_, world, clients, [application = "", ...options], message) => {
    const store = begin(world, clients);
    if (clients?.length === 0) doubles.install("juju", "echo WARNING: something");
    const { code, stderr } = await doubles.run("storage", "attach", application, store, ...options);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^ERROR /);
    expect(code).toBe(2);
  });
});

test("called with sudo by somebody whose account knows no controller: it says whose juju was run", async () => {
  const store = begin({
    failing: { juju: "ERROR No controllers registered.\n\nPlease either create a new controller" },
  });
  doubles.install("sudo", '[ "$*" = "-H -u mia -- juju show-model --format json" ] && shift 4 && exec "$@"');
  const { code, stderr } = await doubles.runAs({ SUDO_USER: "mia" }, "storage", "attach", "ci", store);
  expect(stderr).toBe(
    "ERROR juju show-model: No controllers registered. It ran as mia, who called sudo. " +
      "If root knows the controller: JUJU_DATA=/root/.local/share/juju\n",
  );
  expect(code).toBe(2);
  doubles.install(
    "sudo",
    "echo 'sudo: unable to resolve host h' >&2; echo 'sudo: juju: command not found' >&2; exit 1",
  );
  expect((await doubles.runAs({ SUDO_USER: "mia" }, "storage", "attach", "ci", store)).stderr).toMatch(
    /^ERROR juju is not installed\. Install it with: snap install juju/,
  );
});

test("--watch attaches units as they come, tells each once, and ends when told", async () => {
  const one = { ...lab, applications: { ci: { 0: { machine: "0" } } } };
  const store = begin({ models: [one] });
  const child = doubles.start(doubles.environment, "storage", "attach", "ci", store, "--watch");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toMatch(/^ci\/0: attached to juju-a2b077-0/);
  doubles.world = { ...doubles.world, models: [lab] };
  expect((await lines.next()).value).toMatch(/^ci\/1: attached to juju-a2b077-1/);
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(0);
  expect(doubles.calls("juju", "run")).toEqual([]);
});

test("--systemd prints a unit file and does nothing", async () => {
  const store = begin();
  const words = ["ci", store, "-m", "lxd-ctl:admin/lab"];
  const { code, stdout } = await doubles.run("storage", "attach", ...words, "--client", "lxc", "--systemd");
  expect(code).toBe(0);
  expect(stdout).toMatch(
    new RegExp(`^ExecStart=/.*storage attach ${words.join(" ")} --engine juju --client lxc --watch$`, "m"),
  );
  expect(existsSync(store)).toBe(false);
});

describe("storage status", () => {
  const RELEASE = "7.14.3-linux-amd64-1a2b3c4d5e6f";

  function layOut(store: string): void {
    const write = (name: string, text: string): void => {
      mkdirSync(dirname(join(store, name)), { recursive: true });
      writeFileSync(join(store, name), text);
    };
    write(".lxc_shared_storage", "");
    write(".install.lock", "");
    write("store.json", '{"schema":1,"id":"6f91c3bf-1111-4222-8333-444455556666"}');
    write("apps/0f3d9c1e-ci.json", "{}");
    write(`releases/${RELEASE}/bin/concourse`, "x".repeat(3_000_000));
    write(
      "worker/0f3d9c1e-ci-0/state.json",
      JSON.stringify({ schema: 1, member: "0f3d9c1e-ci-0", releases: [RELEASE] }),
    );
    const partial = `${"ab".repeat(32)}.0f3d9c1e-ci-1.0b1c2d3e-0000-4000-8000-000000000000`;
    write(`partial/${partial}`, "x".repeat(5_000_000));
    const holder = { schema: 1, member: "0f3d9c1e-ci-1", version: "7.15.0", sha256: "ab".repeat(32), partial };
    write("partial/holder.json", JSON.stringify({ ...holder, url: null, validator: null, total: 20_000_000 }));
  }

  test("who mounts what, who has the lock, and what lies on the store", async () => {
    const store = begin();
    layOut(store);
    await doubles.run("storage", "attach", "ci", store);
    // The lock is held by a process of no container; the store says whose download it is.
    const holder = spawn("flock", [join(store, ".install.lock"), "-c", "echo locked; read word"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    const { code, stdout } = await doubles.run("storage", "status");
    holder.stdin.end();
    await once(holder, "close");
    expect(code).toBe(0);
    expect(stdout.replace(/process \d+/g, "process N").replace(/\S+ GB free of \S+ GB/, "F free of T")).toBe(
      `Unit  Container      State    Device            Access      Directory${" ".repeat(store.length - 7)}Sees
ci/0  juju-a2b077-0  Running  concourse-shared  read-write  ${store}  store 6f91c3bf-1111-4222-8333-444455556666
ci/1  juju-a2b077-1  Running  concourse-shared  read-write  ${store}  store 6f91c3bf-1111-4222-8333-444455556666
ci: every unit sees store 6f91c3bf-1111-4222-8333-444455556666

Store 6f91c3bf-1111-4222-8333-444455556666 in ${store}
  Used by    0f3d9c1e-ci
  Lock       held by ci/1 (process N)
  Download   7.15.0 by ci/1: 5 MB of 20 MB, under way
  Releases   ${RELEASE} (3 MB), leased by ci/0
  Unfinished 5 MB in partial/ and staging/
  Disk       F free of T
`,
    );
  });

  test("units that see different stores, or none, and a unit without a container", async () => {
    const store = begin({
      models: [{ ...lab, applications: { ci: { 0: { machine: "0" }, 1: { machine: "1" }, 2: {} } } }],
    });
    mkdirSync(store);
    const devices = { d: { type: "disk", source: store, path: "/var/lib/concourse", readonly: "true" } };
    doubles.world = { ...doubles.world, instances: { lxc: [instance(lab, "0", { devices }), instance(lab, "1")] } };
    const { stdout } = await doubles.run("storage", "status", "ci");
    expect(stdout).toContain(`ci/0  juju-a2b077-0  Running  d       read-only  ${store}`);
    expect(stdout).toMatch(/^ci\/1 .* not attached +Waiting for shared storage mount at/m);
    expect(stdout).toMatch(/^ci\/2 +none +not attached +not asked: it has no machine yet$/m);
    expect(stdout).toContain("ci: units see different stores: ");
    const { units, stores } = JSON.parse((await doubles.run("storage", "status", "--json")).stdout) as Overview;
    expect(units.map(({ attached }) => attached?.readOnly)).toEqual([true, undefined, undefined]);
    expect(stores).toMatchObject([{ directory: store, id: null, lock: [], download: null, releases: [] }]);
  });

  test("a unit whose container is elsewhere is asked all the same: it may see the same store", async () => {
    const applications = { ci: { 0: { machine: "0" }, 1: { machine: "1/lxd/0" } } };
    const id = "6f91c3bf-1111-4222-8333-444455556666";
    const store = begin({ models: [{ ...lab, applications }], answers: { "ci/1": storageAnswer(id) } });
    await doubles.run("storage", "attach", "ci", store);
    const { stdout } = await doubles.run("storage", "status");
    expect(stdout).toMatch(new RegExp(`^ci/1 +none +not of this host +store ${id}$`, "m"));
    expect(stdout).toContain(`ci: every unit sees store ${id}`);
  });
});
