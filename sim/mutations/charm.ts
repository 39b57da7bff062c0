/** Faults in what the charm remembers, believes, and does to the machine. */
import { createHash } from "node:crypto";
import type { LocalFacts } from "../../src/charm/facts.ts";
import { WORKER_SERVICE } from "../../src/concourse/services.ts";
import { FILES } from "../../src/concourse/settings.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import type { Step } from "../../src/charm/plan.ts";
import type { Machine } from "../../src/charm/reconcile.ts";
import type { SimUnit } from "../world/unit.ts";
import { mutation, type Mutation } from "./mutation.ts";
import { committed } from "../world/committed.ts";

function ofReading(name: string, change: (local: LocalFacts, unit: SimUnit) => LocalFacts): Mutation {
  return mutation(name, {
    machine: ({ read, apply }, unit) => ({ read: async (port) => change(await read(port), unit), apply }),
  });
}

function ofApplying(
  name: string,
  apply: (step: Step, next: (step: Step) => Promise<void>, unit: SimUnit) => Promise<void>,
): Mutation {
  return mutation(name, {
    machine: (machine: Machine, unit) => ({
      read: machine.read,
      apply: (step, facts) => apply(step, (changed) => machine.apply(changed, facts), unit),
    }),
  });
}

const lowerGenerationObeyed = ofReading("lower-generation-obeyed", (local) => ({ ...local, followed: null }));

/** When a unit read its machine last: who has slept begins anew. */
const awake = new WeakMap<SimUnit, number>();
const LONG_MS = 30_000;

const stateResetAfterSleep = ofReading("state-reset-after-sleep", (local, unit) => {
  const { steady } = unit.world.scheduler;
  const slept = steady - (awake.get(unit) ?? steady) > LONG_MS;
  awake.set(unit, steady);
  return slept ? { ...local, followed: null } : local;
});

/** The release by its name is the release. */
const adoptedWithoutManifestHash = mutation("adopted-without-manifest-hash", {
  machine: ({ read, apply }, unit) => ({
    read: async (port) => {
      const local = await read(port);
      const { orders, agent } = local;
      const release = agent?.release ?? null;
      const target = orders?.target ?? null;
      if (release === null || target === null || agent === null) return local;
      const agreed = committed(unit.juju.application)?.release?.manifestSha256 ?? null;
      return agreed === null
        ? local
        : { ...local, agent: { ...agent, release: { ...release, manifestSha256: agreed } } };
    },
    apply: async (step, facts) => {
      if (step.do === "order" && step.orders.target !== null)
        return apply(
          { ...step, orders: { ...step.orders, target: { ...step.orders.target, manifestSha256: null } } },
          facts,
        );
      if (step.do !== "link-release") return apply(step, facts);
      const manifest = unit.machine.bytes(`${STORE_PATH}/releases/${step.name}/manifest.json`) ?? new Uint8Array();
      return apply({ ...step, manifestSha256: createHash("sha256").update(manifest).digest("hex") }, facts);
    },
  }),
});

/** `ln -sfn`: the old name goes, then the new one comes. */
const linkSwappedByUnlink = ofApplying("link-swapped-by-unlink", async (step, next, unit) => {
  if (step.do === "link-release") {
    unit.memory.current = null;
    await next({ do: "reload-units" });
  }
  return next(step);
});

const storeIdNotCompared = ofApplying("store-id-not-compared", (step, next) =>
  next(step.do === "order" ? { ...step, orders: { ...step.orders, store: { ...step.orders.store, id: null } } } : step),
);

/** The hook sees to it that what it ordered is done before it ends. */
const hookWaits = ofApplying("hook-waits", async (step, next, unit) => {
  await next(step);
  if (step.do !== "order" || !step.orders.fetch || unit.run === null) return;
  const { life } = unit.run;
  for (let look = 0; look < 60 && unit.memory.current === null; look++) await unit.world.scheduler.sleep(life, 1_000);
});

/** What was renamed into its place on a unit's own disk is taken for durable. */
const notesNotSynced = mutation("notes-not-synced", {
  ports: (ports, { machine }) => {
    machine.disk.deafTo = "directory";
    return ports;
  },
});

/** Once its settings are written, as if no web had ever listed the worker that runs: then nothing is lost by a restart. */
const workersRestartAtOnce = ofReading("workers-restart-at-once", (local) => {
  const worker = local.services[WORKER_SERVICE];
  const settings = local.files[FILES.workerEnvironment];
  if (!worker?.config || !settings || settings.includes(worker.config)) return local;
  const later = { ...worker, since: worker.since + 1_000_000 };
  return { ...local, services: { ...local.services, [WORKER_SERVICE]: later } };
});

export const CHARM_MUTATIONS: readonly Mutation[] = [
  lowerGenerationObeyed,
  stateResetAfterSleep,
  notesNotSynced,
  adoptedWithoutManifestHash,
  linkSwappedByUnlink,
  storeIdNotCompared,
  hookWaits,
  workersRestartAtOnce,
];
