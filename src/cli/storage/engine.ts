/** Which model is meant where both Juju's and local ones can be. */

import { currentModel, modelNames } from "../session.ts";

export type EngineName = "juju" | "local";

/**
 * The one that is asked for; else a local model if the name is one's, or none is given and one is chosen; else Juju's.
 * @param model as `-m` takes it
 */
export function chooseEngine(asked: EngineName | undefined, model: string | undefined): EngineName {
  if (asked !== undefined) return asked;
  const local = model === undefined ? currentModel() !== null : modelNames().includes(model);
  return local ? "local" : "juju";
}
