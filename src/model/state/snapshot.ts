/** A model's data as it begins, and as it is read again. */
import { inconsistencies } from "./checker.ts";
import type { Inferred, ModelData } from "./data.ts";
import { DEFAULT_LINE, type JujuLineName } from "./juju-line.ts";
import { uuid4 } from "./random.ts";
import type { Random } from "./types.ts";

export interface CreateOptions {
  readonly name: string;
  readonly uuid?: string;
  readonly now: number;
  readonly random: Random;
  readonly juju?: JujuLineName;
  /** Behaviour of Juju that none of its tests pins. */
  readonly inferred?: Partial<Inferred>;
}

const INFERRED: Inferred = { peerBrokenAfterRestart: false, secretChangedOnFirstRead: true, secretsApart: false };

export function newModelData({ name, uuid, now, random, juju = DEFAULT_LINE, inferred }: CreateOptions): ModelData {
  return {
    schema: 1,
    name,
    uuid: uuid ?? uuid4(random),
    juju,
    created: now,
    revision: 0,
    sequences: { machine: 0, relation: 0, task: 0, command: 0, storage: 0, unit: {}, charm: {} },
    config: {},
    charms: {},
    applications: {},
    units: {},
    machines: {},
    relations: {},
    secrets: {},
    tasks: {},
    inferred: { ...INFERRED, ...inferred },
  };
}

/** @throws Error naming what is wrong for a snapshot of a state that Juju could not have. */
export function modelDataFrom(snapshot: unknown): ModelData {
  const data = structuredClone(snapshot) as ModelData;
  const { schema } = (snapshot ?? {}) as { schema?: unknown };
  if (schema !== 1) throw new Error(`not a snapshot of a model: schema ${String(schema)}`);
  const wrong = inconsistencies(data);
  if (wrong.length > 0) throw new Error(`not a state that Juju could have: ${wrong.join("; ")}`);
  return data;
}
