import type { HookEnvironment } from "../juju/environment.ts";
import type { HookTools } from "../juju/hook-tools.ts";
import { addressOf } from "../relations/peers.ts";
import { readWebApplicationBag, readWebBag, readWorkerBag } from "../relations/tsa.ts";
import type { Flight, Tsa } from "./facts.ts";

/** Reads the relations with other applications of this kind: `flight` from the worker's side, `tsa` from the web's. */

/** The oldest `flight`, which is the one that counts, and the applications of all others. */
export async function readFlight(
  { unit }: HookEnvironment,
  tools: HookTools,
): Promise<{ readonly flight: Flight | null; readonly surplusFlights: readonly string[] }> {
  const [relation, ...surplus] = (await tools.relationIds("flight")).toSorted((a, b) => numberOf(a) - numberOf(b));
  if (!relation) return { flight: null, surplusFlights: [] };
  const [application, units, told, surplusFlights] = await Promise.all([
    tools.relationApplication(relation),
    tools.relationUnits(relation),
    tools.ownBag(relation, unit),
    Promise.all(surplus.map((id) => tools.relationApplication(id))),
  ]);
  if (told === null) return { flight: null, surplusFlights };
  const [forAll, ...bags] = await Promise.all([
    tools.applicationBag(relation, application),
    ...units.map((web) => tools.unitBag(relation, web)),
  ]);
  const webs = units.flatMap((web, i) => {
    const bag = readWebBag(bags[i] ?? {});
    return bag ? [{ unit: web, ...bag }] : [];
  });
  return { flight: { relation, application, word: readWebApplicationBag(forAll), webs, told }, surplusFlights };
}

/**
 * @param looksAtAll this unit is a web, leads or fetches: it reads what every worker says
 */
export async function readTsa(
  { unit, application, modelUuid }: HookEnvironment,
  tools: HookTools,
  { leader, looksAtAll }: { readonly leader: boolean; readonly looksAtAll: boolean },
): Promise<Tsa[]> {
  const relations = await tools.relationIds("tsa");
  const found = await Promise.all(
    relations.map(async (relation) => {
      const naming = tools.relationApplication(relation);
      const [remote, model, units, told] = await Promise.all([
        naming,
        naming.then((name) => (looksAtAll && OF_ANOTHER_MODEL.test(name) ? tools.relationModel(relation) : modelUuid)),
        looksAtAll ? tools.relationUnits(relation) : [],
        tools.ownBag(relation, unit),
      ]);
      if (told === null) return [];
      const [toldForAll, ...bags] = await Promise.all([
        leader ? tools.applicationBag(relation, application) : null,
        ...units.map((worker) => tools.unitBag(relation, worker)),
      ]);
      const workers = units.map((worker, i) => ({ unit: worker, ...readWorkerBag(bags[i] ?? {}) }));
      const otherModel = model === modelUuid ? null : model;
      return [{ relation, application: remote, otherModel, address: addressOf(told), workers, told, toldForAll }];
    }),
  );
  return found.flat();
}

/** How the side that offers `tsa` knows an application of another model (Juju 3.6, facades/controller/crossmodelrelations). */
const OF_ANOTHER_MODEL = /^remote-[0-9a-f]{32}$/;

/** `flight:7` → 7: ids count up. */
const numberOf = (relation: string): number => Number(relation.split(":")[1]);
