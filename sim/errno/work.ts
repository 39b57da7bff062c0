/** What the real agent does while its disk fails: an install beside the release in use, and the clean-up after one. */
import { generateKeyPairSync } from "node:crypto";
import type { AgentState, Orders } from "../../src/agent/contract.ts";
import { releaseName } from "../../src/store/layout.ts";
import { makeArchive, mirrorOf, type TestArchive } from "../../tests/unit/agent/archive.ts";
import { plainOrders, STORE, World } from "../../tests/unit/agent/world.ts";
import type { Log } from "../disk/log.ts";

export interface Work {
  readonly name: string;
  /** The store before it begins. */
  readonly store: Log;
  readonly orders: Partial<Orders>;
  /** What the mirror serves. */
  readonly archive: TestArchive;
  /** Releases that are there before and nobody may touch, one that comes, and one that goes. */
  readonly stays: string;
  readonly comes: string | null;
  readonly goes: string | null;
  /** What the agent has told says that it is done, apart from problems. */
  readonly isTold: (state: AgentState) => boolean;
}

/** A private key that units are given: making one takes longer than all the rest. */
export const KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs1", format: "pem" })
  .toString();

export async function works(): Promise<readonly Work[]> {
  const [old, next] = [await makeArchive("7.14.3", 3_000), await makeArchive("7.15.0", 3_000)];
  const [a, b] = [releaseName(old.target), releaseName(next.target)];
  const { store } = plainOrders();
  const common = { target: next.target, workerKey: true };
  const isThere = ({ release, lease, workerPublicKey }: AgentState): boolean =>
    release?.name === b && release.verified && lease !== null && workerPublicKey !== null;
  return [
    {
      name: "install",
      store: await storeWith(old),
      orders: { ...common, store: { ...store, lease: [a] }, fetch: true },
      archive: next,
      stays: a,
      comes: b,
      goes: null,
      isTold: (state) => isThere(state) && state.fetch?.step === "published",
    },
    {
      name: "clean-up",
      store: await storeWith(old, next),
      orders: { ...common, store: { ...store, lease: [b], cleanUp: true } },
      archive: next,
      stays: b,
      comes: null,
      goes: a,
      isTold: isThere,
    },
  ];
}

/** Published by the agent, one after the other. */
async function storeWith(...archives: readonly TestArchive[]): Promise<Log> {
  const world = new World();
  const disk = world.disk();
  world.fs.attach(STORE, disk);
  world.fs.put(`${STORE}/.lxc_shared_storage`, "");
  for (const archive of archives) {
    world.answer = mirrorOf(world.clock, archive);
    await world.start({ target: archive.target, fetch: true });
    await world.clock.advance(5_000);
    await world.stop();
    if (world.state.fetch?.step !== "published") throw new Error(`${archive.name} was not published`);
  }
  return disk.record();
}
