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
  const others = { juju: ["machines", "image", "agent-version"], local: ["postgresql"] };
  const foreign = others[engine].find(given);
  if (foreign === undefined) return;
  throw new UserError(`--${foreign} is for --engine ${engine === "juju" ? "local" : "juju"}`, "Leave it out");
}
