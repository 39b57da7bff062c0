/** What entities of the model have shown in `status` so far. */

import { z } from "zod";
import type { HistoryKind } from "./status-history.ts";
import { verb } from "./verb.ts";

/** `unit` and `container` are what Juju calls several kinds together (Juju 3.6, core/status/statushistory.go). */
const KINDS = {
  unit: ["workload", "juju-unit"],
  workload: ["workload"],
  "juju-unit": ["juju-unit"],
  application: ["application"],
  machine: ["machine"],
  "juju-machine": ["juju-machine"],
} as const satisfies Record<string, readonly HistoryKind[]>;

export const STATUS_KINDS = Object.keys(KINDS) as (keyof typeof KINDS)[];

const Params = z.object({ entity: z.string(), kind: z.enum(STATUS_KINDS), last: z.int().min(1) });

export const historyVerbs = {
  "status-history": verb(Params, ({ supervisor }, { entity, kind, last }) => {
    const entries = supervisor.history.of(entity, KINDS[kind], last);
    if (entries.length === 0) throw new Error("no status history available");
    return entries;
  }),
};
