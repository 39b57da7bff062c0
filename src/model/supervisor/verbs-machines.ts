/** What Juju has no verb for: machines and their disks, the release mirror, the end of the model. */

import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Disk } from "../../machines/machine.ts";
import { sourceOf } from "../mirror/files.ts";
import type { Supervisor } from "./supervisor.ts";
import { disksOfOthers, requireFreePlace } from "./unit-disks.ts";
import { DiskParams } from "./verbs-applications.ts";
import { verb, type VerbContext } from "./verb.ts";

const MachineParams = z.object({ id: z.string(), act: z.enum(["reboot", "kill", "stop", "start", "freeze", "thaw"]) });

async function operate(supervisor: Supervisor, { id, act }: z.output<typeof MachineParams>): Promise<void> {
  const { record } = supervisor.model;
  const keeper = supervisor.fleet.keeper(id);
  if (act === "kill" || act === "stop") record.stopped = [...new Set([...record.stopped, id])];
  if (act === "start" || act === "reboot") record.stopped = record.stopped.filter((stopped) => stopped !== id);
  switch (act) {
    case "reboot":
      return keeper.reboot();
    case "kill":
      return keeper.stop("kill");
    case "stop":
      return keeper.stop("shutdown");
    case "start":
      return keeper.start();
    case "freeze":
      return keeper.freeze();
    case "thaw":
      return keeper.thaw();
  }
}

function requireApplication(supervisor: Supervisor, application: string): void {
  if (supervisor.model.state.data.applications[application] === undefined) {
    throw new UserError(`application "${application}" not found`);
  }
}

async function attach(supervisor: Supervisor, application: string, disk: Disk): Promise<void> {
  requireApplication(supervisor, application);
  const { disks } = supervisor.model.record;
  const keepers = supervisor.fleet.keepersOf(application);
  requireFreePlace(
    supervisor.model,
    keepers.map(({ id }) => id),
    application,
    [disk],
  );
  const others = (disks[application] ?? []).filter((other) => other.name !== disk.name);
  await Promise.all(keepers.map((keeper) => keeper.attach(disk)));
  disks[application] = [...others, disk];
}

async function detach(supervisor: Supervisor, application: string, name: string): Promise<void> {
  requireApplication(supervisor, application);
  const { disks } = supervisor.model.record;
  const known = disks[application] ?? [];
  if (!known.some((disk) => disk.name === name))
    throw new UserError(`application "${application}" has no disk "${name}"`);
  const keepers = supervisor.fleet.keepersOf(application);
  const needless = keepers.filter(({ id }) => !disksOfOthers(supervisor.model, id, application).has(name));
  await Promise.all(needless.map((keeper) => keeper.detach(name)));
  disks[application] = known.filter((disk) => disk.name !== name);
}

function mirrorOf({ supervisor }: VerbContext) {
  const { mirror } = supervisor;
  if (mirror === null)
    throw new UserError("this model runs no release mirror", "Start one with: concourse-machine mirror serve FILE");
  return mirror;
}

const Fault = z.object({
  down: z.boolean(),
  stall: z.boolean(),
  html: z.boolean(),
  status: z.object({ code: z.int(), retryAfter: z.number().optional() }).nullable(),
  cut: z.object({ afterBytes: z.int(), times: z.enum(["once", "always"]) }).nullable(),
  truncated: z.object({ bytes: z.int(), length: z.enum(["right", "wrong"]) }).nullable(),
  digest: z.enum(["missing", "wrong", "malformed"]).nullable(),
  flippedByte: z.int().nullable(),
});

export const machineVerbs = {
  machine: verb(MachineParams, ({ supervisor }, params) => operate(supervisor, params)),

  "attach-disk": verb(z.object({ application: z.string(), disk: DiskParams }), ({ supervisor }, params) =>
    attach(supervisor, params.application, params.disk),
  ),

  "detach-disk": verb(z.object({ application: z.string(), name: z.string() }), ({ supervisor }, params) =>
    detach(supervisor, params.application, params.name),
  ),

  disks: verb(z.object({}), ({ supervisor }) => supervisor.model.record.disks),

  "serve-release": verb(z.object({ release: z.string() }), async ({ supervisor }, { release }) => {
    if ((await sourceOf(release)) === null)
      throw new UserError(
        `${release} is no directory, and no archive of a release`,
        "Name an archive as upstream does: concourse-VERSION-linux-amd64.tgz, or arm64",
      );
    supervisor.model.record.mirror = { release, throttle: null };
    await supervisor.openMirror();
    return mirrorOf({ supervisor } as VerbContext).status();
  }),

  mirror: verb(z.object({}), (context) => mirrorOf(context).status()),

  "mirror-requests": verb(z.object({}), (context) => mirrorOf(context).requests()),

  throttle: verb(z.object({ bytesPerSecond: z.number().positive().nullable() }), (context, { bytesPerSecond }) => {
    mirrorOf(context).throttle(bytesPerSecond);
    const { record } = context.supervisor.model;
    if (record.mirror !== null) record.mirror.throttle = bytesPerSecond;
  }),

  fault: verb(Fault.partial(), (context, faults) =>
    Object.keys(faults).length === 0
      ? mirrorOf(context).clearFaults()
      : mirrorOf(context).setFaults(faults as Parameters<ReturnType<typeof mirrorOf>["setFaults"]>[0]),
  ),

  note: verb(z.object({ text: z.string() }), ({ supervisor }, { text }) => {
    supervisor.model.record.notes = text;
  }),

  destroy: verb(z.object({}), async ({ supervisor }) => {
    await supervisor.destroy();
    setImmediate(() => process.exit(0));
  }),
};
