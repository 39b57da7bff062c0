/** Files that a unit keeps for itself, after a loss of power at any moment of their writing. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writePrivate } from "../../src/agent/files.ts";
import { writeWhole } from "../../src/charm/write-file.ts";
import type { Fs } from "../../src/ports.ts";
import { Machine } from "./machine.ts";

const now = () => 1_700_000_000_000;
const PATH = "/var/lib/unit/followed.json";

/** A machine whose program writes the second text, and loses its power before the call of this number. */
async function lossAt(calls: number, random: () => number, write: (fs: Fs, text: string) => Promise<void>) {
  const machine = new Machine("m", { now });
  machine.makeDirectories("/var/lib/unit");
  machine.put(PATH, "first");
  machine.disk.record();
  let left = calls;
  const process = machine.process("charm", () => (left-- > 0 ? undefined : new Promise<never>(() => undefined)));
  let ended = false;
  const work = write(process.fs, "second").then(() => (ended = true));
  await Promise.race([work, new Promise((resolve) => setImmediate(resolve))]);
  process.kill();
  machine.disk.powerLoss(random);
  return { ended, text: machine.text(PATH) };
}

test.each<[string, (fs: Fs, text: string) => Promise<void>]>([
  ["the charm's", (fs, text) => writeWhole(fs, PATH, text, 0o600)],
  ["the agent's", (fs, text) => writePrivate({ fs, random: DICE }, PATH, text)],
])("%s are old or new, and new once they are written", async (_, write) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.infiniteStream(fc.double({ min: 0, max: 0.99 })), async (calls, stream) => {
      const { ended, text } = await lossAt(calls, () => stream.next().value ?? 0, write);
      expect(ended ? ["second"] : ["first", "second"]).toContain(text);
    }),
    { numRuns: 300 },
  );
});

const DICE = { uuid: () => "0", bytes: (count: number) => new Uint8Array(count), fraction: () => 0 };
