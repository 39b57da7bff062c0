/** Hundreds of archives that must not be unpacked: `SEED=<number>` runs the same ones again. */
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { badArchives, bombs, diceOf, GOOD } from "../../tests/fixtures/store/bad-archives.ts";
import {
  leftovers,
  opened,
  type Place,
  place,
  QUIET,
  sha256,
  targetOf,
  treeOf,
} from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import { SourceError } from "./errors.ts";
import { fetchRelease } from "./fetch.ts";
import type { Store } from "./types.ts";

const COUNT = 620;
const BOMBS = 6;
/** Kilobytes: what the agent may take while it fetches, whatever it is given. */
const MOST_MEMORY = 220 * 1024;

async function refusal(here: Place, store: Store, bytes: Buffer, digest: string): Promise<string> {
  const path = join(here.directory, "archive.tgz");
  writeFileSync(path, bytes);
  const target = { ...targetOf(bytes), sha256: digest };
  const error: unknown = await fetchRelease(hostPorts, store, target, async () => [{ kind: "file", path }], QUIET).then(
    (outcome) => new Error(`published: ${JSON.stringify(outcome)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SourceError)) {
    throw error;
  }
  expect(error.problem.blocked).toBe(true);
  return error.problem.message;
}

test(`${COUNT} bad archives: none is published, none leaves anything, each refusal names the entry`, async () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 32);
  process.stdout.write(`bad archives: SEED=${seed}\n`);
  await using here = place("/dev/shm");
  const store = await opened(here.path);
  onTestFinished(() => store.close());
  const empty = treeOf(here.path);
  const families = new Set<string>();
  let number = 0;
  const dice = diceOf(seed);
  for (const { family, bytes, names, spoilt } of [...badArchives(dice, COUNT - BOMBS), ...bombs(dice, BOMBS)]) {
    const which = `SEED=${seed}, number ${number++}: ${family}`;
    const message = await refusal(here, store, bytes, sha256(spoilt ? GOOD : bytes)).catch((error: unknown) => {
      throw new Error(which, { cause: error });
    });
    expect(message, which).toMatch(names);
    expect(message.length, which).toBeLessThanOrEqual(120);
    expect(readdirSync(here.directory), which).toEqual(["archive.tgz", "store"]);
    expect(leftovers(here.path), which).toEqual([]);
    expect(without(treeOf(here.path), ".install.lock"), which).toEqual(empty);
    families.add(family);
  }
  expect(families.size).toBeGreaterThan(25);
}, 300_000);

test("memory stays bounded, whatever is unpacked", async () => {
  await using here = place("/dev/shm");
  const dice = diceOf(7);
  const large = [...badArchives(dice, 100)].filter(({ family }) => /huge|swallows/.test(family));
  const files = [...bombs(dice, 6), ...large].map(({ bytes }, index) => {
    const file = join(here.directory, `${index}.tgz`);
    writeFileSync(file, bytes);
    return file;
  });
  const program = fileURLToPath(new URL("../../tests/fixtures/store/refuser.ts", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [program, here.path, ...files], { encoding: "utf8" });
  expect(stderr).toBe("");
  const { refused, memory } = JSON.parse(stdout) as { refused: number; memory: number };
  process.stdout.write(`${refused} bombs: ${Math.round(memory / 1024)} MB at most\n`);
  expect(refused).toBe(files.length);
  expect(memory).toBeLessThan(MOST_MEMORY);
}, 300_000);

function without(tree: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => path !== name));
}
