import { normalise } from "../concourse/ssh-keys.ts";
import type { Facts, Tsa } from "./facts.ts";

/** A worker that a web knows of, through one relation or the other. */
export interface KnownWorker {
  readonly unit: string;
  /** Its name in Concourse; null from one of another charm, which does not tell. */
  readonly name: string | null;
  /** In its plain form; null if it is none. */
  readonly key: string | null;
}

/** Workers of our own application. */
export function workersAmongPeers({ peers }: Facts): KnownWorker[] {
  return (peers?.others ?? []).flatMap(({ unit, report }) =>
    report?.worker ? [{ unit, name: report.worker.name, key: readKey(report.worker.key) }] : [],
  );
}

/** Workers behind one relation `tsa`. */
export function workersBehind({ workers }: Tsa): KnownWorker[] {
  return workers.flatMap(({ unit, key, word }) =>
    key === null ? [] : [{ unit, name: word?.name ?? null, key: readKey(key) }],
  );
}

export const allWorkers = (facts: Facts): KnownWorker[] => [
  ...workersAmongPeers(facts),
  ...facts.tsa.flatMap(workersBehind),
];

/** The authorised keys file: one line a worker, parsed and written anew; a bad one is left out (`badKeys` names it). */
export function authorisedKeys(facts: Facts): string {
  return allWorkers(facts)
    .flatMap(({ key }) => (key === null ? [] : [`${key}\n`]))
    .join("");
}

export const badKeys = (facts: Facts): string[] =>
  allWorkers(facts).flatMap(({ unit, key }) => (key === null ? [unit] : []));

/** A public key as it came in a databag, in its plain form; null if it is anything else. */
export function readKey(line: string): string | null {
  try {
    return normalise(line);
  } catch {
    return null;
  }
}
