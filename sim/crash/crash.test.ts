import { expect, test } from "vitest";
import { replaceLink } from "../../src/store/files.ts";
import { Disk } from "../disk/disk.ts";
import { Machine } from "../disk/machine.ts";
import { Dice } from "../world/random.ts";
import { prefixesOf } from "./prefixes.ts";
import { type CrashOptions, crashSuite } from "./suite.ts";
import { now } from "./world.ts";

const QUICK: CrashOptions = {
  seed: 1,
  runs: 1,
  locks: ["shared", "none"],
  sizes: ["small"],
  bounds: { all: 128, seeded: 32, pairs: false },
  recoveries: 1,
  stride: 23,
};

/** Seconds on a machine that has nothing else to do. */
const PATIENCE = { timeout: 240_000 };

test(
  "interrupted anywhere, the old state is found or the new one and whole, and a restart completes it",
  PATIENCE,
  async () => {
    const counts = await crashSuite(QUICK);
    expect(counts.flatMap(({ scenario, violations }) => violations.map((text) => `${scenario}: ${text}`))).toEqual([]);
    expect(counts.map(({ prefixes }) => prefixes > 10)).not.toContain(false);
  },
);

test.each(["file", "directory"] as const)("a disk that ignores fsync of a %s is noticed", PATIENCE, async (deafTo) => {
  const counts = await crashSuite({ ...QUICK, locks: ["shared"], recoveries: 0, deafTo });
  const noticed = counts
    .filter(({ violations }) => violations.length > 0)
    .map(({ scenario }) => scenario.split(",")[0]);
  expect(noticed).toEqual(expect.arrayContaining(["first install", "upgrade", "lease change"]));
});

/** What `x` can hold after each operation, over all images. */
async function contentsAfter(work: (there: Awaited<ReturnType<typeof root>>) => Promise<void>): Promise<string[][]> {
  const machine = new Machine("m", { now });
  machine.put("/x", "old");
  const log = machine.disk.record();
  await work(await root(machine));
  const after: string[][] = [];
  for (const { images, exhaustive } of prefixesOf(log, ALL, new Dice(1, "x"))) {
    expect(exhaustive).toBe(true);
    const texts = new Set<string>();
    for (const image of images) {
      const node = Disk.of(image, log.root, { device: 1, now }).root.entries.get("x");
      texts.add(node?.kind === "file" ? new TextDecoder().decode(node.buffer.slice(0, node.size)) : "none");
    }
    after.push([...texts].toSorted());
  }
  return after;
}

const ALL = { all: 4_096, seeded: 0, pairs: false };
const root = (machine: Machine) => machine.process("p").fs.openDirectory("/");
const bytes = (text: string) => [new TextEncoder().encode(text)];

test("a file replaced in the right order is the old one or the new one", async () => {
  const after = await contentsAfter(async (there) => {
    const file = await there.createFile("y", 0o644);
    await file.write(bytes("new"), 0);
    await file.sync();
    await there.rename("y", there, "x");
    await there.sync();
  });
  expect(after).toEqual([["old"], ["old"], ["old"], ["old"], ["new", "old"], ["new"]]);
});

test("without fsync of the file it may be empty, or zeros", async () => {
  const after = await contentsAfter(async (there) => {
    const file = await there.createFile("y", 0o644);
    await file.write(bytes("new"), 0);
    await there.rename("y", there, "x");
    await there.sync();
  });
  expect(after.at(-1)).toEqual(["", "\0\0\0", "new"]);
});

test("a file written in place may be anything in between", async () => {
  const after = await contentsAfter(async (there) => {
    const file = await there.openFile("x", "write");
    await file.write(bytes("N"), 0);
    await file.write(bytes("EW"), 1);
    await file.syncData();
  });
  expect(after).toEqual([["old"], ["Nld", "old"], ["NEW", "Nld", "oEW", "old"], ["NEW"]]);
});

test("a name that is taken away comes back until the directory is durable", async () => {
  const after = await contentsAfter(async (there) => {
    await there.unlink("x");
    await there.sync();
  });
  expect(after).toEqual([["old"], ["none", "old"], ["none"]]);
});

test("a rename between directories happens as a whole", async () => {
  const machine = new Machine("m", { now });
  machine.makeDirectories("/a");
  machine.makeDirectories("/b");
  machine.put("/a/x", "1");
  const log = machine.disk.record();
  const { fs } = machine.process("p");
  await (await fs.openDirectory("/a")).rename("x", await fs.openDirectory("/b"), "x");
  const found: string[][][] = [];
  for (const { images } of prefixesOf(log, ALL, new Dice(1, "x"))) {
    found.push([...images].map((image) => namesWithX(Disk.of(image, log.root, { device: 1, now }))));
  }
  expect(found).toEqual([[["a"]], [["a"], ["b"]]]);
});

test("the link to the release in use is the old one or the new one, whatever is left of an earlier swap", async () => {
  const machine = new Machine("m", { now });
  machine.plant("/current", "releases/old");
  machine.plant("/current.new", "releases/left");
  const log = machine.disk.record();
  await replaceLink(await root(machine), "current", "releases/new", "current.new");
  const found: (string | undefined)[][] = [];
  for (const { images, exhaustive } of prefixesOf(log, ALL, new Dice(1, "x"))) {
    expect(exhaustive).toBe(true);
    const links = [...images].map((image) => Disk.of(image, log.root, { device: 1, now }).root.entries.get("current"));
    found.push([...new Set(links.map((link) => (link?.kind === "link" ? link.target : undefined)))].toSorted());
  }
  const [old, next] = ["releases/old", "releases/new"];
  expect(found).toEqual([[old], [old], [old], [next, old], [next]]);
});

const namesWithX = ({ root: { entries } }: Disk): string[] =>
  ["a", "b"].filter((name) => {
    const node = entries.get(name);
    return node?.kind === "directory" && node.entries.has("x");
  });

test("a disk that lost its power is one of these", async () => {
  const machine = new Machine("m", { now });
  machine.put("/kept", "1");
  machine.disk.record();
  const there = await root(machine);
  const file = await there.createFile("lost", 0o644);
  await file.write(bytes("2"), 0);
  machine.disk.powerLoss(() => 0.9);
  machine.boot();
  expect(machine.names("/")).toEqual(["kept"]);
  expect(machine.text("/kept")).toBe("1");
});
