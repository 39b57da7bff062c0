import type { Problem } from "../agent/contract.ts";
import type { Status } from "../juju/hook-tools.ts";
import type { Facts } from "./facts.ts";

/** What only the operator can end. */
export const blocked = (message: string): Status => ({ status: "blocked", message });
/** What others or time will end. */
export const waiting = (message: string): Status => ({ status: "waiting", message });
/** What this unit is at. */
export const busy = (message: string): Status => ({ status: "maintenance", message });

/** Juju refuses a relation as long as it has not got rid of the one before. */
export const afterOld = (command: string): Status => waiting(`Waiting for the old relation to go, then: ${command}`);

/** Words of others: of a length, and without what a terminal would obey. */
export const clipped = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 90);

/** The first of several, and how many more there are: a status is one line. */
export const counted = ([first = "", ...more]: readonly string[]): string =>
  more.length > 0 ? `${first} and ${more.length} more` : first;

/** The store and the agent do not know what the application and the unit are called. */
export const named = (message: string, { environment }: Facts): string =>
  message.replaceAll("<app>", environment.application).replaceAll("<unit>", environment.unit);

export const trouble = ({ blocked: forOperator, message }: Problem): Status =>
  forOperator ? blocked(message) : waiting(message);
