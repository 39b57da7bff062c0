/**
 * What the clients print, as far as it is looked at: `juju … --format json` (Juju 3.6 and 4.0, cmd/juju/status/formatted.go,
 * cmd/juju/common/model.go, environs/config/source.go) and instances of LXD and Incus (shared/api/instance.go, lxd 5.0,
 * incus 6.0). Everything else in them is passed over.
 */

import { z } from "zod";

const StatusInfo = z.object({ current: z.string().optional(), message: z.string().optional() });

const Unit = z.object({
  machine: z.string().optional(),
  leader: z.boolean().optional(),
  "workload-status": StatusInfo.optional(),
  "juju-status": StatusInfo.optional(),
});

const Machine = z.object({
  "instance-id": z.string().optional(),
  "machine-status": StatusInfo.optional(),
  get containers() {
    return z.record(z.string(), Machine).optional();
  },
});

const Application = z.object({
  "charm-name": z.string().optional(),
  relations: z.record(z.string(), z.array(z.object({ "related-application": z.string() }))).optional(),
  units: z.record(z.string(), Unit).optional(),
});

export const JujuStatus = z.object({
  model: z.object({ name: z.string(), type: z.string().optional() }),
  machines: z.record(z.string(), Machine).default({}),
  applications: z.record(z.string(), Application).default({}),
});

/** `juju show-model`: one model under its short name. */
export const ShownModels = z.record(
  z.string(),
  z.object({
    name: z.string(),
    "short-name": z.string(),
    "model-uuid": z.uuid(),
    "model-type": z.string().optional(),
    type: z.string().optional(),
  }),
);

/** `juju model-config`. The keys have capitals: the type has no tags for JSON. */
export const ModelConfig = z.record(z.string(), z.object({ Value: z.unknown() }));

export const ApplicationConfig = z.object({ settings: z.record(z.string(), z.object({ value: z.unknown() })) });

/** `juju run`: results are nested where the charm named them with dots. */
export const ActionResults = z.record(
  z.string(),
  z.object({
    status: z.string().optional(),
    message: z.string().optional(),
    results: z.record(z.string(), z.unknown()).optional(),
  }),
);

/** `GET /1.0` of LXD and Incus. */
export const Server = z.object({
  environment: z.object({ server_name: z.string().optional(), server_clustered: z.boolean().optional() }),
});

const Devices = z.record(z.string(), z.record(z.string(), z.string()));

/** `GET /1.0/instances?recursion=1` of LXD and Incus. */
export const Instances = z.array(
  z.object({
    name: z.string(),
    project: z.string().default("default"),
    type: z.string(),
    status: z.string(),
    location: z.string().default("none"),
    config: z.record(z.string(), z.string()),
    profiles: z
      .array(z.string())
      .nullable()
      .transform((names) => names ?? []),
    devices: Devices.nullable().transform((devices) => devices ?? {}),
    expanded_devices: Devices.nullable().transform((devices) => devices ?? {}),
  }),
);

export type JujuStatus = z.infer<typeof JujuStatus>;
export type JujuUnit = z.infer<typeof Unit>;
export type Device = Readonly<Record<string, string>>;
