import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { makeArchive, mirrorOf } from "./archive.ts";
import { MIRROR, PLACES, STORE, World } from "./world.ts";

const KEYS = Array.from({ length: 5 }, () =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
);

/** Moments of a life in milliseconds: many early ones, where most happens. */
const life = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 300, max: 25_000 }));

test("killed at any moments, the unit ends where it would have ended", async () => {
  const archive = await makeArchive("7.14.3", 60_000);
  await fc.assert(
    fc.asyncProperty(fc.array(life, { maxLength: 5 }), fc.integer({ min: 0, max: 3_000 }), async (lives, hookMs) => {
      const world = new World();
      world.keys = KEYS;
      world.hookMs = hookMs;
      world.answer = mirrorOf(world.clock, archive, 20_000, 40);
      let publicKey: string | null = null;
      let sequence = 0;
      const violations: string[] = [];
      world.charm = (state) => {
        // What the charm has once been told stays so, and numbers only rise.
        if (state.sequence < sequence) violations.push(`sequence fell from ${sequence} to ${state.sequence}`);
        sequence = state.sequence;
        if (publicKey !== null && state.workerPublicKey !== publicKey) violations.push("another worker key");
        publicKey = state.workerPublicKey;
        return world.acknowledge(state.sequence);
      };
      const lease = ["7.14.3-linux-amd64-1a2b3c4d5e6f"];
      const orders = {
        store: { ...world.orders.store, kind: "private" as const, lease },
        target: archive.target,
        fetch: true,
        workerKey: true,
        clusterSecret: true,
      };
      for (const milliseconds of lives) {
        await world.start(orders);
        await world.clock.advance(milliseconds);
        world.kill();
      }
      await world.start(orders);
      await world.clock.advance(60_000);
      expect(violations).toEqual([]);
      expect(world.state).toMatchObject({
        lease,
        clusterSecretReady: true,
        fetch: { step: "published" },
        release: { sha256: archive.target.sha256, verified: true },
        fetchProblem: null,
        problems: {},
      });
      expect(world.untold()).toEqual([]);
      expect(world.fs.names(`${STORE}/releases`)).toHaveLength(1);
      expect(world.fs.names(`${STORE}/staging`)).toEqual([]);
      expect(world.fs.names("/etc/concourse")).toEqual(["worker_key"]);
      for (const path of [PLACES.workerKey, PLACES.clusterSecret, PLACES.state])
        expect(world.fs.mode(path)).toBe(0o600);
      expect(world.requests.filter((line) => line !== `GET ${MIRROR}/${archive.name}`)).toEqual([]);
      await world.stop();
    }),
    { numRuns: 40 },
  );
});
