/** The two applications of the scenario, and their units in a status. */

import type { StatusDocument, UnitDocument } from "./evidence.ts";

export const APPLICATION = "concourse-ci-machine";
export const DATABASE = "postgresql";
export const DATABASE_CHANNEL = "16/stable";

export function unitsOf(status: StatusDocument | null, application: string): Readonly<Record<string, UnitDocument>> {
  return status?.applications[application]?.units ?? {};
}
