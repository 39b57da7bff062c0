/** Applications, units, relations and their settings. */

import { z } from "zod";
import { UserError } from "../../errors.ts";
import { resolved } from "../../machines/disks.ts";
import type { Disk } from "../../machines/machine.ts";
import { pluginFor } from "../plugins/index.ts";
import { FORCE_WAIT, pluginCharm, type CharmInfo, type DeployResult, type Removal } from "../state/model.ts";
import type { LiveModel } from "./live-model.ts";
import { takeCharm, takeResource } from "./local-charm.ts";
import { requireFreePlace } from "./unit-disks.ts";
import type { Opened } from "./outside-link.ts";
import { verb, type VerbContext } from "./verb.ts";

const Texts = z.record(z.string(), z.string());
export const DiskParams = z.object({ name: z.string(), source: z.string(), path: z.string(), readOnly: z.boolean() });
const ApplicationParams = z.object({ application: z.string() });
/** Numbers of machines that are there already, one a unit. */
const Placement = z.array(z.string()).default([]);
const PairParams = z.object({ a: z.string(), b: z.string() });
/** As the flags of Juju's client. */
const RemovalParams = z.object({
  force: z.boolean().default(false),
  noWait: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

const DeployParams = z.object({
  /** Absolute path of a charm file, or the name of a charm that the model plays. */
  charm: z.string(),
  channel: z.string().optional(),
  name: z.string().optional(),
  units: z.int().min(0).max(1000),
  config: Texts,
  /** Resource → absolute path of the file. */
  resources: Texts,
  base: z.string().optional(),
  disks: z.array(DiskParams),
  to: Placement,
});

/** @throws UserError for what no machine could boot with. */
async function requireDisks(disks: readonly Disk[]): Promise<void> {
  for (const disk of disks) await resolved(disk);
  const twice = disks.find(({ name }, i) => disks.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new UserError(`disk "${twice.name}" is given twice`, "Give each a name of its own");
}

/** @throws UserError for a name that the model cannot play. */
async function charmFor(model: LiveModel, charm: string, channel: string | undefined): Promise<CharmInfo> {
  if (charm.startsWith("/")) return takeCharm(model, charm);
  const plugin = pluginFor(charm);
  if (plugin === undefined) {
    const next = "Deploy a file (./name.charm), or postgresql, which the local model plays itself";
    throw new UserError(`charm "${charm}" not found`, next);
  }
  const wanted = channel ?? plugin.channels[0] ?? "stable";
  if (!plugin.channels.includes(wanted)) {
    throw new UserError(
      `channel "${wanted}" not found for charm "${charm}"`,
      `There is: ${plugin.channels.join(", ")}`,
    );
  }
  return pluginCharm(plugin, wanted);
}

async function deploy(
  { supervisor, signal }: VerbContext,
  params: z.output<typeof DeployParams>,
): Promise<DeployResult> {
  const { model } = supervisor;
  const charm = await charmFor(model, params.charm, params.channel);
  const application = params.name ?? charm.name;
  await requireDisks(params.disks);
  const exists = model.state.data.applications[application] !== undefined;
  requireFreePlace(model, params.to, application, params.disks);
  const resources: Record<string, string> = {};
  for (const [name, file] of exists ? [] : Object.entries(params.resources)) {
    resources[name] = await takeResource(model, application, charm, name, file);
  }
  // Who stopped asking, asks again from the start.
  signal.throwIfAborted();
  const result = model.state.deploy({
    charm,
    units: params.units,
    config: params.config,
    resources,
    to: params.to,
    now: model.now(),
    ...(params.name === undefined ? {} : { name: params.name }),
    ...(params.base === undefined ? {} : { base: params.base }),
  });
  model.record.disks[application] = params.disks;
  return result;
}

function addUnits(model: LiveModel, application: string, count: number, to: readonly string[]): string[] {
  requireFreePlace(model, to, application, model.record.disks[application] ?? []);
  return model.state.addUnits(application, count, model.now(), to);
}

async function attachResource(model: LiveModel, application: string, resource: string, file: string): Promise<void> {
  const { data } = model.state;
  const charm = data.charms[data.applications[application]?.charm ?? ""]?.info;
  if (charm === undefined) throw new UserError(`application "${application}" not found`);
  const path = await takeResource(model, application, charm as CharmInfo, resource, file);
  model.state.attachResource(application, resource, path);
}

/** Opens what the application has opened so far, and from now on. Host ports asked for are kept. */
async function expose(
  { supervisor, signal }: VerbContext,
  application: string,
  hostPorts: Readonly<Record<string, number>>,
): Promise<readonly Opened[]> {
  const { model, exposure } = supervisor;
  model.state.expose(application);
  model.record.exposed[application] = { ...model.record.exposed[application], ...hostPorts };
  model.changed();
  await model.until(() => exposure.isSettled(application) || undefined, signal);
  return exposure.opened(application);
}

function removal({ force, noWait, dryRun }: z.output<typeof RemovalParams>): Removal {
  return { wait: force ? (noWait ? 0 : FORCE_WAIT) : null, dryRun };
}

export const applicationVerbs = {
  deploy: verb(DeployParams, deploy),

  "add-unit": verb(
    ApplicationParams.extend({ count: z.int().min(1), to: Placement }),
    ({ supervisor: { model } }, { application, count, to }) => addUnits(model, application, count, to),
  ),

  "remove-unit": verb(
    RemovalParams.extend({ units: z.array(z.string()).min(1) }),
    ({ supervisor: { model } }, { units, ...flags }) => model.state.removeUnits(units, model.now(), removal(flags)),
  ),

  "remove-application": verb(
    RemovalParams.extend({ application: z.string() }),
    ({ supervisor: { model } }, { application, ...flags }) => {
      const lines = model.state.removeApplication(application, model.now(), removal(flags));
      if (!flags.dryRun) delete model.record.exposed[application];
      return lines;
    },
  ),

  integrate: verb(PairParams, ({ supervisor: { model } }, { a, b }) => model.state.integrate(a, b, model.now())),

  "remove-relation": verb(
    PairParams.extend({ force: z.boolean().default(false) }),
    ({ supervisor: { model } }, { a, b, force }) =>
      model.state.removeRelation(a, b, model.now(), removal({ force, noWait: false, dryRun: false })),
  ),

  "get-config": verb(ApplicationParams, ({ supervisor: { model } }, { application }) =>
    model.state.getConfig(application),
  ),

  "get-config-value": verb(ApplicationParams.extend({ key: z.string() }), ({ supervisor: { model } }, params) =>
    model.state.getConfigValue(params.application, params.key),
  ),

  "set-config": verb(
    ApplicationParams.extend({ values: Texts, reset: z.array(z.string()) }),
    ({ supervisor: { model } }, { application, values, reset }) => {
      if (reset.length > 0) model.state.resetConfig(application, reset);
      if (Object.keys(values).length > 0) model.state.setConfig(application, values);
    },
  ),

  "get-model-config": verb(z.object({}), ({ supervisor: { model } }) => model.state.modelConfig()),

  "set-model-config": verb(
    z.object({ values: Texts, reset: z.array(z.string()) }),
    ({ supervisor: { model } }, { values, reset }) => {
      if (reset.length > 0) model.state.resetModelConfig(reset, model.now());
      if (Object.keys(values).length > 0) model.state.setModelConfig(values, model.now());
    },
  ),

  expose: verb(
    ApplicationParams.extend({ hostPorts: z.record(z.string(), z.int().min(1).max(65535)) }),
    (context, { application, hostPorts }) => expose(context, application, hostPorts),
  ),

  unexpose: verb(ApplicationParams, ({ supervisor: { model } }, { application }) => {
    model.state.unexpose(application);
    delete model.record.exposed[application];
  }),

  "attach-resource": verb(
    ApplicationParams.extend({ resource: z.string(), file: z.string() }),
    ({ supervisor: { model } }, { application, resource, file }) => attachResource(model, application, resource, file),
  ),

  refresh: verb(
    ApplicationParams.extend({ charm: z.string(), forceUnits: z.boolean() }),
    async ({ supervisor: { model } }, { application, charm, forceUnits }) =>
      model.state.refresh(application, await takeCharm(model, charm), { forceUnits }),
  ),

  resolved: verb(
    z.object({ units: z.array(z.string()), all: z.boolean(), retry: z.boolean() }),
    ({ supervisor: { model } }, { units, all, retry }) => {
      const failed = Object.values(model.state.data.units).filter((unit) => unit.workload.current === "error");
      for (const unit of all ? failed.map(({ name }) => name) : units) model.state.resolved(unit, { retry });
    },
  ),
};
