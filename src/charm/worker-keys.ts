import { normalise } from "../concourse/ssh-keys.ts";
import type { Facts } from "./facts.ts";

/** The authorised keys file: one line a worker, parsed and written anew; a bad one is left out (`badKeys` names it). */
export function authorisedKeys(facts: Facts): string {
  return workerKeys(facts)
    .flatMap(({ key }) => (key === null ? [] : [`${key}\n`]))
    .join("");
}

export const badKeys = (facts: Facts): string[] =>
  workerKeys(facts).flatMap(({ unit, key }) => (key === null ? [unit] : []));

function workerKeys(facts: Facts): { unit: string; key: string | null }[] {
  return (facts.peers?.others ?? []).flatMap(({ unit, report }) =>
    report?.worker ? [{ unit, key: readKey(report.worker.key) }] : [],
  );
}

/** A public key as it came in a databag, in its plain form; null if it is anything else. */
export function readKey(line: string): string | null {
  try {
    return normalise(line);
  } catch {
    return null;
  }
}
