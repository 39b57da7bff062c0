import { UserError } from "../errors.ts";
import { say } from "./session.ts";

/** Brings in what machines need of the host. @throws UserError naming the command to run where we may not. */
export async function provideHostPackages(): Promise<void> {
  const { ensureHostPackages } = await import("../../scripts/host-packages.mjs");
  const missing = ensureHostPackages(say);
  if (missing !== null) throw new UserError(missing);
}
