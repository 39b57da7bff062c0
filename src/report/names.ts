/** The two applications of the scenario, and their units in a status. */

import type { StatusDocument, UnitDocument } from "./evidence.ts";

export const APPLICATION = "concourse-ci-machine";
export const DATABASE = "postgresql";
export const DATABASE_CHANNEL = "16/stable";

/** For `deploy`, and the channel that `status` shows then. @param file charm file in place of Charmhub's */
export function databaseOf(file?: string): { databaseWords: string[]; databaseChannel: string } {
  return file === undefined
    ? { databaseWords: [DATABASE, "--channel", DATABASE_CHANNEL], databaseChannel: DATABASE_CHANNEL }
    : { databaseWords: [file, DATABASE], databaseChannel: "" };
}

export function unitsOf(status: StatusDocument | null, application: string): Readonly<Record<string, UnitDocument>> {
  return status?.applications[application]?.units ?? {};
}
