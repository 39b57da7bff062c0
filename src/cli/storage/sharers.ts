/** Whose names may stand in a store's `apps/` when an application comes to it. */

import { applicationFile } from "../../store/layout.ts";

export interface Neighbourhood {
  readonly modelUuid: string;
  readonly application: string;
  /** The applications that one is related to; null for one of another model, about which this model knows nothing. */
  readonly relatedTo: (application: string) => readonly string[] | null;
}

/**
 * The first name of an application that has nothing to do with this one. A store on which the application itself stands has
 * taken it in, whoever else is there. Else those are welcome that it is related to, also through others: all workers of a web.
 * What those of another model are called on a store, only the charm gets to know: it refuses a stranger among them.
 *
 * @param files names in `apps/`
 */
export function strangerAmong(
  files: readonly string[],
  { modelUuid, application, relatedTo }: Neighbourhood,
): string | undefined {
  const model = shortUuid(modelUuid);
  const fileOf = (name: string): string => applicationFile(`${model}-${name}`);
  if (files.includes(fileOf(application))) return undefined;
  const found = new Set([application]);
  let anotherModel = false;
  // A set that grows is walked to its new end.
  for (const name of found) {
    const related = relatedTo(name);
    if (related === null) anotherModel = true;
    for (const next of related ?? []) found.add(next);
  }
  const welcome = new Set([...found].map(fileOf));
  return files.find((file) => !welcome.has(file) && !(anotherModel && !file.startsWith(`${model}-`)));
}

/** As the charm shortens it for names on the store. */
export function shortUuid(uuid: string): string {
  return uuid.replaceAll("-", "").slice(0, 8);
}
