import { clusterOf, isCopyOf, type Facts } from "./facts.ts";

/**
 * True on the unit that is to clean up: nobody is on the way to another release, and every unit that may have this store
 * before its eyes runs the committed one, so that none can still go by a generation that names an older one.
 */
export function mayCleanUp(facts: Facts): boolean {
  const cluster = clusterOf(facts);
  const target = cluster?.release;
  if (!target?.manifestSha256 || cluster?.turn !== null) return false;
  const runs = (name: string | null | undefined): boolean => isCopyOf(name ?? null, target);
  if (!runs(facts.local.current)) return false;
  if (facts.options.sharedStorage === "none") return true;
  if (cluster.fetcher !== facts.environment.unit || facts.alive === null || facts.aliveBehindTsa === null) return false;
  const running = new Map([
    [facts.environment.unit, facts.local.current],
    ...(facts.peers?.others ?? []).map(({ unit, report }) => [unit, report?.running ?? null] as const),
    ...facts.tsa.flatMap(({ workers }) => workers.map(({ unit, word }) => [unit, word?.running ?? null] as const)),
  ]);
  // Workers of another charm, which have said their key and nothing else, run nothing of this store.
  const strangers = new Set(
    facts.tsa.flatMap(({ workers }) =>
      workers.filter(({ key, word }) => key !== null && !word).map(({ unit }) => unit),
    ),
  );
  // Nobody lists another model's workers: those count that are seen.
  const ofOtherModels = facts.tsa.flatMap(({ otherModel, workers }) => (otherModel === null ? [] : workers));
  const units = [...facts.alive, ...facts.aliveBehindTsa, ...ofOtherModels.map(({ unit }) => unit)];
  return units.every((unit) => strangers.has(unit) || runs(running.get(unit)));
}
