/** The form of a request: parameters that are checked, and what is done with them. */

import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Supervisor } from "./supervisor.ts";

export interface VerbContext {
  readonly supervisor: Supervisor;
  readonly send: (event: unknown) => void;
  readonly signal: AbortSignal;
}

export interface Verb {
  readonly run: (context: VerbContext, params: unknown) => Promise<unknown>;
}

/** A verb whose parameters are checked before it sees them, and after which the model is looked at again. */
export function verb<S extends z.ZodType>(
  schema: S,
  run: (context: VerbContext, params: z.output<S>) => unknown,
): Verb {
  return {
    run: async (context, params) => {
      const parsed = schema.safeParse(params);
      if (!parsed.success)
        throw new UserError(
          z
            .prettifyError(parsed.error)
            .replaceAll(/\s*\n\s*|✖ /g, " ")
            .trim(),
        );
      try {
        return await run(context, parsed.data);
      } finally {
        context.supervisor.model.changed();
      }
    },
  };
}
