/** Which container a unit's directory goes to: from status and instances as they are printed, and generated ones. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addWords, type Client } from "../../../src/cli/storage/daemons.ts";
import { jujuWords } from "../../../src/cli/storage/juju-client.ts";
import { MOUNT_POINT, planAttach, planDetach, type Decision } from "../../../src/cli/storage/plan.ts";
import { watchUnit } from "../../../src/cli/storage/systemd.ts";
import { containerName, instance, LAB, OTHER, type ModelSpec, type UnitSpec } from "../../fixtures/storage/world.ts";
import { seenFrom, type Documents } from "./seen.ts";

const lab: ModelSpec = {
  name: "lab",
  uuid: LAB,
  applications: { ci: { 0: { machine: "0" }, 1: { machine: "1" } } },
};
const wanted = { application: "ci", source: "/srv/ci/store", readOnly: false };

const at = (path: string, source: string, more: Record<string, string> = {}) => ({
  type: "disk",
  source,
  path,
  ...more,
});
const units = (first: UnitSpec): ModelSpec => ({ ...lab, applications: { ci: { 0: first, 1: { machine: "1" } } } });
const first = (more: Parameters<typeof instance>[2]): Documents => ({
  lxc: [instance(lab, "0", more), instance(lab, "1")],
});
const attachedAs = (name: string, device: Record<string, string>): Documents => first({ devices: { [name]: device } });

async function decide(model: ModelSpec, documents: Documents, here?: string): Promise<Decision[]> {
  return planAttach(await seenFrom(model, documents, here), wanted);
}

const good = { lxc: [instance(lab, "0"), instance(lab, "1")] };

describe("a unit that cannot be served is told why, and the others are served", () => {
  const cases: [string, ModelSpec, Documents, string, string?][] = [
    [
      "no instance id yet",
      { ...lab, instanceIds: { "0": "pending" } },
      good,
      "machine 0 has no instance yet (Creating container)",
    ],
    [
      "an instance id that is empty",
      { ...lab, instanceIds: { "0": "" } },
      good,
      "machine 0 has no instance yet (Running)",
    ],
    ["no machine yet", units({}), good, "it has no machine yet"],
    [
      "a stopped container",
      lab,
      first({ status: "Stopped" }),
      "juju-a2b077-0 is stopped: lxc start local:juju-a2b077-0 --project default; then run this again",
    ],
    [
      "a frozen container of Incus",
      lab,
      { incus: [instance(lab, "0", { status: "Frozen" }), instance(lab, "1")] },
      "juju-a2b077-0 is frozen: incus resume local:juju-a2b077-0 --project default; then run this again",
    ],
    [
      "a virtual machine",
      lab,
      first({ type: "virtual-machine" }),
      "juju-a2b077-0 is a virtual machine: locks on its share of a directory need not exclude other machines",
    ],
    [
      "a machine added by hand",
      { ...lab, instanceIds: { "0": "manual:10.0.0.7" } },
      good,
      "machine 0 was added by hand (manual:10.0.0.7): it is no container",
    ],
    [
      "a container on another host",
      lab,
      { lxc: [instance(lab, "1")] },
      "no container juju-a2b077-0 on this host: run this on the host of the containers",
    ],
    [
      "another member of the cluster",
      lab,
      { lxc: [instance(lab, "0", { location: "host2" }), instance(lab, "1", { location: "host1" })] },
      "juju-a2b077-0 is on cluster member host2, which has not this host's directories",
      "host1",
    ],
    [
      "another LXD project",
      lab,
      first({ project: "copies" }),
      'juju-a2b077-0 here is in project "copies", and the model\'s are in "default"',
    ],
    [
      "another model's container of that name",
      lab,
      first({ config: { "user.juju-model-uuid": OTHER } }),
      `juju-a2b077-0 here belongs to another model (${OTHER})`,
    ],
    [
      "another directory attached",
      lab,
      attachedAs("shared", at(`${MOUNT_POINT}/`, "/srv/old")),
      'another directory is attached as "shared" (/srv/old): to replace it, first: lxc config device remove local:juju-a2b077-0 shared --project default',
    ],
    [
      "a volume attached",
      lab,
      attachedAs("shared", at(MOUNT_POINT, "vol", { pool: "default" })),
      'another directory is attached as "shared" (volume vol of pool default): to replace it, first: lxc config device remove local:juju-a2b077-0 shared --project default',
    ],
    [
      "another directory by a profile",
      lab,
      first({ expanded_devices: { d: at(MOUNT_POINT, "/srv/old") } }),
      'another directory is attached as "d" (/srv/old): to replace it, first: take it out of the profiles: default, juju-lab-0f3d9c',
    ],
    [
      "attached by us, but read-only",
      lab,
      attachedAs("concourse-shared", at(MOUNT_POINT, "/srv/ci/store", { readonly: "true" })),
      'it is attached read-only as "concourse-shared": to make it read-write, first: concourse-machine storage detach ci',
    ],
    [
      "the name of our device taken",
      lab,
      attachedAs("concourse-shared", at("/mnt", "/srv/x")),
      'juju-a2b077-0 has another device "concourse-shared": rename it, or remove it',
    ],
    [
      "two clients that both have it",
      lab,
      { lxc: [instance(lab, "0")], incus: [instance(lab, "0"), instance(lab, "1")] },
      "both LXD and Incus have a juju-a2b077-0: name one with --client",
    ],
    [
      "a nested machine",
      units({ machine: "0/lxd/1" }),
      good,
      "machine 0/lxd/1 runs inside machine 0. With the directory there: juju ssh -m lab 0 -- sudo lxc config device add " +
        "local:juju-a2b077-0-lxd-1 concourse-shared disk source=/srv/ci/store path=/var/lib/concourse shift=true " +
        "readonly=false --project default",
    ],
    [
      "a nested machine that is not there yet",
      { ...units({ machine: "0/lxd/1" }), instanceIds: { "0/lxd/1": "pending" } },
      good,
      "machine 0/lxd/1 has no instance yet",
    ],
    [
      "a nested virtual machine",
      units({ machine: "0/kvm/1" }),
      good,
      "machine 0/kvm/1 is a virtual machine inside machine 0",
    ],
  ];
  test.each(cases)("%s", async (_, model, documents, reason, here) => {
    const [one, other] = await decide(model, documents, here);
    expect(one).toMatchObject({ unit: "ci/0", act: "refuse", reason });
    expect(other).toMatchObject({ unit: "ci/1", act: "attach", instance: { name: "juju-a2b077-1" } });
  });

  test("those that are on their way are told apart: a later look finds them", async () => {
    const waits = async (model: ModelSpec): Promise<unknown> => (await decide(model, good))[0];
    expect(await waits({ ...lab, instanceIds: { "0": "pending" } })).toMatchObject({ waits: true });
    expect(await waits(units({}))).toMatchObject({ waits: true });
    expect(await waits(units({ machine: "0/lxd/1" }))).toMatchObject({ waits: false });
  });

  test("a model that is not on LXD", async () => {
    const decisions = await decide({ ...lab, cloud: "ec2", instanceIds: { "0": "i-0abc", "1": "i-0abd" } }, good);
    expect(decisions.map((decision) => "reason" in decision && decision.reason)).toEqual([
      "machine 0 (i-0abc) is no container: its cloud is ec2",
      "machine 1 (i-0abd) is no container: its cloud is ec2",
    ]);
  });

  test("two units on one machine", async () => {
    const [one, two] = await decide(
      { ...lab, applications: { ci: { 0: { machine: "0" }, 1: { machine: "0" } } } },
      good,
    );
    expect(one).toMatchObject({ act: "attach" });
    expect(two).toMatchObject({ reason: "it is on the machine of ci/0: one unit of this charm a machine" });
  });
});

test("a model with a project of its own: its containers are found there", async () => {
  const own = { ...lab, project: "ci" };
  const decisions = await decide(own, { lxc: [instance(lab, "0"), instance(own, "0"), instance(own, "1")] });
  expect(decisions).toMatchObject([
    { act: "attach", instance: { project: "ci" } },
    { act: "attach", instance: { project: "ci" } },
  ]);
});

test.each([
  ["under our name", "concourse-shared", "/srv/ci/store"],
  ["under another name", "mine", "/srv/ci/store"],
  ["with a slash at the end", "mine", "/srv/ci/store/"],
])("what is attached already %s stays", async (_, device, source) => {
  const [one] = await decide(lab, attachedAs(device, at(MOUNT_POINT, source)));
  expect(one).toMatchObject({ act: "keep", attached: { device, source: "/srv/ci/store" } });
});

test("containers that Juju made inside a machine carry the model under another key", async () => {
  const { "user.juju-model-uuid": uuid = "", ...config } = instance(lab, "0").config;
  const inner = { ...instance(lab, "0"), config: { ...config, "user.juju-model": uuid } };
  expect((await decide(lab, { lxc: [inner, instance(lab, "1")] }))[0]).toMatchObject({ act: "attach" });
});

describe("detaching", () => {
  const detach = async (documents: Documents): Promise<unknown> => planDetach(await seenFrom(lab, documents), "ci")[0];

  test.each<[string, Documents, object]>([
    ["ours", attachedAs("concourse-shared", at(MOUNT_POINT, "/srv/any")), { act: "detach" }],
    ["nothing there", good, { act: "keep", attached: null }],
    ["a person's", attachedAs("mine", at(MOUNT_POINT, "/srv/ci/store")), { act: "refuse" }],
    [
      "a profile's of our name",
      first({ expanded_devices: { "concourse-shared": at(MOUNT_POINT, "/srv/ci/store") } }),
      { act: "refuse" },
    ],
    ["our name elsewhere", attachedAs("concourse-shared", at("/mnt", "/srv/x")), { act: "keep", attached: null }],
    [
      "ours, in a stopped container",
      first({ status: "Stopped", devices: { "concourse-shared": at(MOUNT_POINT, "/srv/any") } }),
      { act: "detach" },
    ],
    [
      "ours, in a frozen container, which could not answer",
      first({ status: "Frozen", devices: { "concourse-shared": at(MOUNT_POINT, "/srv/any") } }),
      { act: "refuse" },
    ],
  ])("%s", async (_, documents, decision) => {
    expect(await detach(documents)).toMatchObject(decision);
  });
});

/** Models that share names, machines, projects and the end of their UUIDs as much as models can. */
const uuids = [LAB, `7c9e6679-7425-40de-944b-${LAB.slice(24)}`, OTHER] as const;
const machineId = fc.constantFrom("0", "1", "2", "3", "0/lxd/0");
const device = fc.record({
  name: fc.constantFrom("concourse-shared", "mine"),
  path: fc.constantFrom(MOUNT_POINT, "/mnt"),
  source: fc.constantFrom("/srv/ci/store", "/srv/old"),
});
const anyInstance = fc.record({
  uuid: fc.constantFrom(...uuids),
  marked: fc.constantFrom(true, true, true, false),
  machine: machineId,
  project: fc.constantFrom("default", "ci"),
  status: fc.constantFrom("Running", "Running", "Stopped", "Frozen"),
  type: fc.constantFrom("container", "container", "virtual-machine"),
  devices: fc.array(device, { maxLength: 1 }),
  client: fc.constantFrom("lxc" as const, "incus" as const),
});
const anyModel = fc.record({
  uuid: fc.constantFrom(...uuids),
  project: fc.constantFrom("default", "ci"),
  machines: fc.array(fc.option(machineId, { nil: undefined }), { minLength: 1, maxLength: 4 }),
  pending: fc.boolean(),
});

test("whatever there is: only running containers of this very model and project are touched, each once, and none that has something there", async () => {
  let attached = 0;
  const property = fc.asyncProperty(
    anyModel,
    fc.uniqueArray(anyInstance, {
      selector: ({ client, project, uuid, machine }) => `${client} ${project} ${containerName(uuid, machine)}`,
      minLength: 8,
      maxLength: 16,
    }),
    async ({ uuid, project, machines, pending }, specs) => {
      const model: ModelSpec = {
        name: "lab",
        uuid,
        project,
        applications: {
          ci: Object.fromEntries(machines.map((machine, i) => [i, machine === undefined ? {} : { machine }])),
        },
        ...(pending ? { instanceIds: { "0": "pending" } } : {}),
      };
      const documents: Record<Client, ReturnType<typeof instance>[]> = { lxc: [], incus: [] };
      for (const { client, marked, machine, devices, ...spec } of specs) {
        const owner = { name: "any", uuid: spec.uuid, project: spec.project };
        const config: Record<string, string> = marked ? {} : { "user.juju-model-uuid": "" };
        const disks = Object.fromEntries(devices.map(({ name, path, source }) => [name, at(path, source)]));
        documents[client].push(
          instance(owner, machine, { config, devices: disks, status: spec.status, type: spec.type }),
        );
      }
      const decisions = planAttach(await seenFrom(model, documents), wanted);
      expect(decisions.map(({ unit }) => unit)).toEqual(machines.map((_, i) => `ci/${i}`));
      const touched = decisions.flatMap((decision) => (decision.act === "attach" ? [decision.instance] : []));
      attached += touched.length;
      expect(new Set(touched).size).toBe(touched.length);
      for (const one of touched) {
        expect(one).toMatchObject({ project, status: "Running", type: "container" });
        expect(one.config["user.juju-model-uuid"]).toBe(uuid);
        expect(Object.values(one.expandedDevices).map(({ path }) => path)).not.toContain(MOUNT_POINT);
      }
      for (const decision of decisions) {
        if (decision.act !== "attach") continue;
        const unit = Number(decision.unit.split("/")[1]);
        expect(decision.instance.name).toBe(containerName(uuid, machines[unit] ?? ""));
      }
    },
  );
  await fc.assert(property, { numRuns: 2000 });
  // Some 125, with a deviation of 13.
  expect(attached).toBeGreaterThan(40);
});

test("the command, word by word", async () => {
  const [one] = await decide(lab, good);
  if (one?.act !== "attach") throw new Error("not attached");
  expect(addWords(one.instance, { ...one.disk, readOnly: true })).toEqual([
    "lxc",
    "config",
    "device",
    "add",
    "local:juju-a2b077-0",
    "concourse-shared",
    "disk",
    "source=/srv/ci/store",
    "path=/var/lib/concourse",
    "shift=true",
    "readonly=true",
    "--project",
    "default",
  ]);
});

test.each<[string, NodeJS.ProcessEnv, number, string[]]>([
  ["by sudo", { SUDO_USER: "mia" }, 0, ["sudo", "-H", "-u", "mia", "--", "juju"]],
  ["by root", {}, 0, ["juju"]],
  ["by root with sudo", { SUDO_USER: "root" }, 0, ["juju"]],
  ["by sudo, with the place of Juju's data given", { SUDO_USER: "mia", JUJU_DATA: "/home/mia/j" }, 0, ["juju"]],
  ["by anybody else", { SUDO_USER: "mia" }, 1000, ["juju"]],
])("juju runs as the person who knows the controller: called %s", (_, environment, uid, words) => {
  expect(jujuWords(environment, uid)).toEqual(words);
});

test("a unit file keeps what means something to systemd and to shells", () => {
  const words = ["ci", "/srv/a b/$x/100%", "-m", "ctl:admin/lab"];
  const text = watchUnit({
    program: ["/usr/bin/node", "/opt/main.ts"],
    words,
    application: "ci",
    directory: "/srv/a b/$x/100%",
    environment: { SUDO_USER: "mia", JUJU_DATA: "/srv/ju ju" },
  });
  expect(text).toContain(
    "ExecStart=/usr/bin/node /opt/main.ts storage attach ci '/srv/a b/$$x/100%%' -m ctl:admin/lab --watch\n",
  );
  expect(text).toContain("Environment=HOME=/root SUDO_USER=mia 'JUJU_DATA=/srv/ju ju'\n");
  // Else the directory would be made below its mount point, and units would share that one.
  expect(text).toContain("RequiresMountsFor='/srv/a b/$x/100%%'\n");
  expect(text).toContain("Description=Attaches /srv/a b/$x/100%% to new units of ci\n");
});
