import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hostFs } from "../../src/host/fs.ts";
import type { Dir, File, Fs, Stat } from "../../src/ports.ts";
import { Disk } from "./disk.ts";
import { Machine } from "./machine.ts";
import { failure } from "./nodes.ts";

const now = () => 1_700_000_000_000;

/** Everything that was opened so far, by number; the same numbers on both sides. */
interface Side {
  readonly directories: Dir[];
  readonly files: File[];
}

type Action = (side: Side) => Promise<unknown>;

const name = fc.constantFrom("a", "b", "c", "link", "fifo", ".", "x/y", "n".repeat(256));
const index = fc.nat(5);
const mode = fc.constantFrom(0o600, 0o644, 0o555, 0o4755, 0o777);
const directory = (side: Side, at: number) => side.directories[at % side.directories.length] as Dir;
const file = (side: Side, at: number) => {
  if (side.files.length === 0) throw failure("none");
  return side.files[at % side.files.length] as File;
};

const action: fc.Arbitrary<{ readonly text: string; readonly run: Action }> = fc.oneof(
  made("openDirectory", [index, name], async (side, at, entry) => {
    side.directories.push(await directory(side, at).openDirectory(entry));
  }),
  made("makeDirectory", [index, name, mode], (side, at, entry, bits) => directory(side, at).makeDirectory(entry, bits)),
  made("removeDirectory", [index, name], (side, at, entry) => directory(side, at).removeDirectory(entry)),
  made("createFile", [index, name, mode], async (side, at, entry, bits) => {
    side.files.push(await directory(side, at).createFile(entry, bits));
  }),
  made("openFile", [index, name, fc.constantFrom("read", "write")], async (side, at, entry, access) => {
    side.files.push(await directory(side, at).openFile(entry, access as "read" | "write"));
  }),
  made("link", [index, name, index, name], (side, at, entry, to, toName) =>
    directory(side, at).link(entry, directory(side, to), toName),
  ),
  made("symlink", [index, name, name], (side, at, target, entry) => directory(side, at).symlink(target, entry)),
  made("readlink", [index, name], (side, at, entry) => directory(side, at).readlink(entry)),
  made("unlink", [index, name], (side, at, entry) => directory(side, at).unlink(entry)),
  made("rename", [index, name, index, name], (side, at, entry, to, toName) =>
    directory(side, at).rename(entry, directory(side, to), toName),
  ),
  made("chmod", [index, name, mode], (side, at, entry, bits) => directory(side, at).chmod(entry, bits)),
  made("lstat", [index, name], async (side, at, entry) => plain(await directory(side, at).lstat(entry))),
  made("list", [index], (side, at) => directory(side, at).list()),
  made("stat", [index], async (side, at) => plain(await directory(side, at).stat())),
  made("sync", [index], (side, at) => directory(side, at).sync()),
  made("read", [index, fc.nat(30), fc.nat(30)], async (side, at, length, position) => {
    const into = new Uint8Array(length);
    return [await file(side, at).read(into, position), [...into]];
  }),
  made(
    "write",
    [index, fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 3 }), fc.nat(30)],
    (side, at, bytes, to) => file(side, at).write(bytes, to),
  ),
  made("truncate", [index, fc.nat(40)], (side, at, length) => file(side, at).truncate(length)),
  made("chmod of a file", [index, mode], (side, at, bits) => file(side, at).chmod(bits)),
  made("stat of a file", [index], async (side, at) => plain(await file(side, at).stat())),
  made("syncData", [index], (side, at) => file(side, at).syncData()),
  made("close", [index], async (side, at) => {
    await file(side, at).close();
    side.files.splice(at % side.files.length, 1);
  }),
);

function made<Given extends unknown[]>(
  method: string,
  given: { [Key in keyof Given]: fc.Arbitrary<Given[Key]> },
  run: (side: Side, ...given: Given) => Promise<unknown>,
) {
  return fc.tuple(...(given as fc.Arbitrary<unknown>[])).map((values) => ({
    text: `${method}(${JSON.stringify(values)})`,
    run: (side: Side) => run(side, ...(values as Given)),
    [fc.toStringMethod]: () => `${method}(${JSON.stringify(values)})`,
  }));
}

/** What is the same on every file system. */
function plain({ kind, size, mode: bits, links }: Stat): unknown {
  return kind === "directory" ? { kind, bits } : { kind, size, bits, links };
}

async function outcome(side: Side, run: Action): Promise<unknown> {
  try {
    return await run(side);
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

async function sideOf(fs: Fs, path: string): Promise<Side> {
  return { directories: [await fs.openDirectory(path)], files: [] };
}

test("it does what the real one does, with the same errors", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 40 }), async (actions) => {
      const path = mkdtempSync(join(tmpdir(), "disk-test-"));
      chmodSync(path, 0o755);
      execFileSync("mkfifo", [join(path, "fifo")]);
      symlinkSync("a", join(path, "link"));
      const machine = new Machine("m", { now, umask: process.umask() });
      machine.makeDirectories("/d");
      machine.plant("/d/link", "a");
      machine.plant("/d/fifo", null);
      const real = await sideOf(hostFs, path);
      const simulated = await sideOf(machine.process("p").fs, "/d");
      try {
        for (const { text, run } of actions) {
          expect({ text, result: await outcome(simulated, run) }).toEqual({ text, result: await outcome(real, run) });
        }
      } finally {
        for (const handle of [...real.directories, ...real.files]) await handle.close();
        rmSync(path, { recursive: true, force: true });
      }
    }),
    { numRuns: 300 },
  );
});

function world() {
  const store = new Disk({ device: 9, now });
  const machines = ["m0", "m1"].map((machine) => new Machine(machine, { now }));
  for (const machine of machines) machine.attach("/s", store);
  const [first, second] = machines as [Machine, Machine];
  return { store, first, second };
}

describe("mounts", () => {
  test("what one machine writes the other one reads", async () => {
    const { first, second } = world();
    first.put("/s/x", "1");
    expect(second.text("/s/x")).toBe("1");
    first.put("/y", "private");
    expect(second.text("/y")).toBeNull();
  });

  test("a detached disk is still reached by what was opened before; the directory below shows", async () => {
    const { store, first, second } = world();
    const { fs } = first.process("p");
    const pinned = await fs.openDirectory("/s");
    const id = await pinned.mountId();
    expect((await fs.mounts()).some((mount) => mount.id === id && mount.point === "/s")).toBe(true);
    first.detach("/s");
    await (await pinned.createFile("late", 0o644)).close();
    expect(second.names("/s")).toEqual(["late"]);
    expect((await fs.mounts()).some((mount) => mount.point === "/s")).toBe(false);
    expect(await (await fs.openDirectory("/s")).list()).toEqual([]);
    first.attach("/s", new Disk({ device: 10, now }));
    const anew = await fs.openDirectory("/s");
    expect((await anew.stat()).device).toBe(10);
    expect((await pinned.stat()).device).toBe(store.device);
    await expect(pinned.rename("late", anew, "late")).rejects.toMatchObject({ code: "EXDEV" });
  });

  test("read-only for one machine, or for all", async () => {
    const { store, first, second } = world();
    const [one, two] = [first.process("p"), second.process("p")];
    first.remount("/s", true);
    const there = await one.fs.openDirectory("/s");
    await expect(there.createFile("x", 0o644)).rejects.toMatchObject({ code: "EROFS" });
    const other = await two.fs.openDirectory("/s");
    const file = await other.createFile("x", 0o644);
    store.readOnly = true;
    await expect(file.write([new Uint8Array(1)], 0)).rejects.toMatchObject({ code: "EROFS" });
    expect((await two.fs.mounts()).find(({ point }) => point === "/s")?.readOnly).toBe(true);
  });

  test("a full disk takes what fits", async () => {
    const { store, first } = world();
    const there = await first.process("p").fs.openDirectory("/s");
    const file = await there.createFile("x", 0o644);
    store.capacity = store.used + 5;
    await expect(file.write([new Uint8Array(9)], 0)).rejects.toMatchObject({ code: "ENOSPC" });
    expect((await file.stat()).size).toBe(5);
    await expect(there.makeDirectory("d", 0o755)).rejects.toMatchObject({ code: "ENOSPC" });
    await file.truncate(0);
    expect((await there.space()).free).toBe(5);
  });
});

describe("processes", () => {
  test("one that is killed gets no answer, and nothing of what it was about to do happens", async () => {
    const { first } = world();
    const process = first.process("p");
    const there = await process.fs.openDirectory("/s");
    process.before = ({ method, path, changes }) => {
      expect([method, path, changes]).toEqual(["createFile", "/s/x", true]);
      process.kill();
    };
    const answered = there.createFile("x", 0o644).then(() => true);
    expect(await Promise.race([answered, new Promise((resolve) => setImmediate(resolve))])).toBeUndefined();
    expect(first.names("/s")).toEqual([]);
    expect(process.descriptors).toBe(0);
  });

  test("one that is paused goes on where it was", async () => {
    const { first } = world();
    const process = first.process("p");
    const there = await process.fs.openDirectory("/s");
    const { promise, resolve } = Promise.withResolvers<void>();
    process.before = () => promise;
    const creating = there.createFile("x", 0o644);
    await new Promise((wake) => setImmediate(wake));
    expect(first.names("/s")).toEqual([]);
    resolve();
    await creating;
    expect(first.names("/s")).toEqual(["x"]);
  });

  test("one that has too many files open is told so", async () => {
    const { first } = world();
    const process = first.process("p");
    process.mostDescriptors = 1;
    const there = await process.fs.openDirectory("/s");
    await expect(there.openDirectory("x")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(process.fs.openDirectory("/s")).rejects.toMatchObject({ code: "EMFILE" });
    await there.close();
    await (await process.fs.openDirectory("/s")).close();
  });
});

describe("locks", () => {
  async function taken(scope: Disk["locks"]) {
    const { store, first, second } = world();
    store.locks = scope;
    first.put("/s/lock", "");
    const processes = [first.process("a"), first.process("b"), second.process("c")];
    const held = [];
    for (const { fs, lock } of processes) held.push(await lock.take(await fs.openDirectory("/s"), "lock"));
    return { first, processes, held };
  }

  test("exclude everybody, one machine, or nobody", async () => {
    expect((await taken("shared")).held.map(Boolean)).toEqual([true, false, false]);
    expect((await taken("per-machine")).held.map(Boolean)).toEqual([true, false, true]);
    expect((await taken("none")).held.map(Boolean)).toEqual([true, true, true]);
  });

  test("go with the process or by release", async () => {
    const { processes, held } = await taken("shared");
    const [a, b] = processes;
    const again = async () => b && b.lock.take(await b.fs.openDirectory("/s"), "lock");
    expect(await held[0]?.valid()).toBe(true);
    a?.kill();
    const second = await again();
    expect(second).not.toBeNull();
    await second?.release();
    expect(await again()).not.toBeNull();
  });

  test("are of no use once the file is another one", async () => {
    const { first, processes, held } = await taken("shared");
    first.put("/s/lock", "");
    expect(await held[0]?.valid()).toBe(false);
    const [, b] = processes;
    expect(b && (await b.lock.take(await b.fs.openDirectory("/s"), "lock"))).not.toBeNull();
  });
});
