/** What the tool can ask of a model: each verb with the shape of its parameters. */

import { UserError } from "../../errors.ts";
import { applicationVerbs } from "./verbs-applications.ts";
import { historyVerbs } from "./verbs-history.ts";
import { machineVerbs } from "./verbs-machines.ts";
import { observationVerbs } from "./verbs-observation.ts";
import { taskVerbs } from "./verbs-tasks.ts";
import type { Call } from "./protocol.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Verb } from "./verb.ts";

/** Runs one request. @throws UserError for an unknown verb or bad parameters, else what the verb throws. */
export function handle(supervisor: Supervisor, call: Call): Promise<unknown> {
  const verbs: Readonly<Record<string, Verb>> = {
    ...applicationVerbs,
    ...taskVerbs,
    ...machineVerbs,
    ...observationVerbs,
    ...historyVerbs,
  };
  const known = verbs[call.verb];
  if (known === undefined) throw new UserError(`unknown request ${JSON.stringify(call.verb)}`);
  return known.run({ supervisor, send: call.send, signal: call.signal }, call.params);
}
