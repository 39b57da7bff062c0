import { UserError } from "../errors.ts";
import type { Engine } from "../report/engine.ts";

/** An engine of `verify`: it makes a model, and leaves it or takes it away. */
export interface VerifyEngine extends Engine {
  /** Milliseconds without any change after which a step counts as stuck. */
  readonly patience: number;
  /** Ends what goes on in this process only. Says how to remove the model by hand; "" if there is none. */
  leave(): Promise<string>;
}

export type EngineKind = "local" | "juju";

/** Options that mean something to one engine only. @throws UserError if one is given that the engine does not have */
export function refuseForeign(engine: EngineKind, given: (option: string) => boolean): void {
  const foreign = engine === "juju" ? ["machines", "image", "agent-version"].find(given) : undefined;
  if (foreign !== undefined) throw new UserError(`--${foreign} is for --engine local`, "Leave it out");
}
