import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ordersFor, type Place, place, treeOf } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import type { Problem, StoreState } from "../agent/contract.ts";
import { unregister } from "./membership.ts";
import { openStore } from "./store.ts";
import type { StoreOrders } from "./types.ts";

const root = process.getuid?.() === 0;
let here: Place;
let mounted = false;
beforeEach(() => {
  here = place();
  mkdirSync(here.path);
});
afterEach(async () => {
  if (mounted) execFileSync("umount", ["-l", here.path]);
  mounted = false;
  await here[Symbol.asyncDispose]();
});

/** A file system of its own at the store's place. */
function mount(options = "size=1m", marker = true): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "store-test", here.path]);
  mounted = true;
  if (marker) writeFileSync(join(here.path, ".lxc_shared_storage"), "");
}

const orders = (changes: Partial<StoreOrders> = {}): StoreOrders => ({
  ...ordersFor(here.path),
  kind: "mount",
  ...changes,
});

async function open(given: StoreOrders, last: StoreState | null = null): Promise<StoreState> {
  const { state, store } = await openStore(hostPorts, given, last);
  expect(store === null).toBe(state.problem !== null);
  await store?.close();
  return state;
}

async function problem(given: StoreOrders): Promise<Problem> {
  const { problem } = await open(given);
  expect(problem?.message.length).toBeLessThanOrEqual(120);
  return problem ?? { code: "none", message: "", blocked: false };
}

describe("a private store", () => {
  test("is made with everything in it, once", async () => {
    rmSync(here.path, { recursive: true });
    const private_ = ordersFor(here.path);
    const first = await open({ ...private_, mayCreate: false });
    expect(first).toMatchObject({ mounted: true, writable: true, problem: null });
    const before = treeOf(here.path);
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining(["apps/m1-app.json", "partial", "releases", "staging", "store.json", "trash", "worker"]),
    );
    expect(await open(private_, first)).toEqual(first);
    expect(treeOf(here.path)).toEqual(before);
    expect(readdirSync(join(here.path, "staging"))).toEqual([]);
  });

  test("is not made of a directory that is marked as shared", async () => {
    writeFileSync(join(here.path, ".lxc_shared_storage"), "");
    expect(await problem(ordersFor(here.path))).toMatchObject({ code: "shared-directory", blocked: true });
    expect(readdirSync(here.path)).toEqual([".lxc_shared_storage"]);
  });
});

describe.skipIf(!root)("a mounted store", () => {
  test("that is not mounted is not written to", async () => {
    expect(await problem(orders())).toMatchObject({ code: "not-mounted", blocked: true });
    writeFileSync(join(here.path, ".lxc_shared_storage"), "");
    expect(await problem(orders())).toMatchObject({ code: "not-mounted" });
    expect(readdirSync(here.path)).toEqual([".lxc_shared_storage"]);
    expect(await problem(orders({ path: join(here.directory, "nothing") }))).toMatchObject({ code: "not-mounted" });
  });

  test("without the marker is not touched", async () => {
    mount("size=1m", false);
    const found = await problem(orders());
    expect(found).toMatchObject({ code: "no-marker" });
    expect(found.message).toContain(`touch ${here.path}/.lxc_shared_storage`);
    expect(readdirSync(here.path)).toEqual([]);
  });

  test("is set up by the leader, and the same for all", async () => {
    mount();
    expect(await problem(orders({ mayCreate: false }))).toMatchObject({ code: "store-new", blocked: false });
    const states = await Promise.all([0, 1, 2, 3].map((unit) => open(orders({ member: `m1-app-${unit}` }))));
    expect(new Set(states.map(({ id }) => id)).size).toBe(1);
    expect(await open(orders({ mayCreate: false, id: states[0]?.id ?? "" }))).toEqual(states[0]);
  });

  test("that is another one than agreed on is refused", async () => {
    mount();
    const { id } = await open(orders());
    const other = "00000000-0000-4000-8000-000000000000";
    expect(await problem(orders({ id: other }))).toMatchObject({ code: "other-store", blocked: true });
    expect((await open(orders({ id: other }))).id).toBe(id);
  });

  test("is not set up anew where one was agreed on", async () => {
    mount();
    expect(await problem(orders({ id: "00000000-0000-4000-8000-000000000000" }))).toMatchObject({
      code: "other-store",
    });
    expect(readdirSync(here.path)).toEqual([".lxc_shared_storage"]);
  });

  test("that has lost its id but holds releases is not given a new one", async () => {
    mount();
    mkdirSync(join(here.path, "releases", "7.14.3-linux-amd64-1a2b3c4d5e6f"), { recursive: true });
    expect(await problem(orders())).toMatchObject({ code: "id-lost", blocked: true });
  });

  test("that is read-only can be read", async () => {
    mount();
    const { id } = await open(orders());
    execFileSync("mount", ["-o", "remount,ro", here.path]);
    expect(await open(orders({ mayCreate: false, id }))).toEqual({ mounted: true, id, writable: false, problem: null });
  });

  test("that is full says so", async () => {
    mount("size=4k");
    writeFileSync(join(here.path, "full"), Buffer.alloc(4096));
    expect(await problem(orders())).toMatchObject({ code: "no-space", blocked: false });
  });

  test("is shared by related applications only", async () => {
    mount();
    await open(orders());
    const stranger = orders({ application: "m2-other", member: "m2-other-0" });
    const found = await problem(stranger);
    expect(found).toMatchObject({ code: "foreign-store", blocked: true });
    expect(readdirSync(join(here.path, "apps"))).toEqual(["m1-app.json"]);
    expect(await open({ ...stranger, related: ["m1-app"] })).toMatchObject({ problem: null });
    expect(readdirSync(join(here.path, "apps"))).toEqual(["m1-app.json", "m2-other.json"]);
    expect(await open(orders())).toMatchObject({ problem: null });
  });

  test("is never had by two that come at one moment, and had by one of them in the end", async () => {
    const come = (application: string) =>
      open(orders({ application, related: [application], member: `${application}-0` }));
    for (let round = 0; round < 20; round++) {
      mount();
      const both = await Promise.all([come("m1-one"), come("m2-two")]);
      expect(both.filter(({ problem }) => problem === null).length).toBeLessThan(2);
      const problems = [(await come("m1-one")).problem, (await come("m2-two")).problem];
      expect(problems.filter((problem) => problem === null)).toHaveLength(1);
      execFileSync("umount", ["-l", here.path]);
      mounted = false;
    }
  });

  test("is free for another application when its own has gone", async () => {
    mount();
    const { store } = await openStore(hostPorts, orders());
    if (store === null) throw new Error("no store");
    await unregister(store);
    await store.close();
    expect(await open(orders({ application: "m2-other", member: "m2-other-0" }))).toMatchObject({ problem: null });
  });

  test.each(["releases", "partial", "staging", "worker", "apps", "trash", "store.json", ".install.lock"])(
    "with a link planted as %s is refused, and the link not followed",
    async (name) => {
      mount();
      const victim = join(here.directory, "victim");
      mkdirSync(victim);
      symlinkSync(victim, join(here.path, name));
      const found = await problem(orders());
      expect(found).toMatchObject({ code: "planted", blocked: true });
      expect(found.message).toContain(`${here.path}/${name}`);
      expect(readdirSync(victim)).toEqual([]);
    },
  );

  test("with a FIFO planted as store.json does not hang", async () => {
    mount();
    execFileSync("mkfifo", [join(here.path, "store.json")]);
    expect(await problem(orders())).toMatchObject({ code: "planted" });
  });

  test("with a damaged store.json is refused", async () => {
    mount();
    writeFileSync(join(here.path, "store.json"), "{");
    expect(await problem(orders())).toMatchObject({ code: "id-lost" });
    expect(readFileSync(join(here.path, "store.json"), "utf8")).toBe("{");
  });
});
