/** Where `up` takes the Concourse release from. */

import { UserError } from "../errors.ts";

export type ReleaseChoice = "auto" | "github" | "stand-in";

/** The page that tells the newest release; if it answers, the archives beside it do too. */
const SOURCE = "https://api.github.com/repos/concourse/concourse/releases/latest";
/** Milliseconds: a source that needs longer is not worth waiting for at the start of everything. */
const PATIENCE = 3000;

async function reach(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PATIENCE), redirect: "follow" });
    return answer.ok ? null : `status ${answer.status}`;
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    return (
      cause?.code ??
      ((error as Error).name === "TimeoutError" ? `no answer in ${PATIENCE / 1000} s` : (error as Error).message)
    );
  }
}

/**
 * Tries the real source once. `say` gets one line if the stand-in is taken for want of it.
 * @throws UserError if GitHub is demanded and cannot be reached.
 */
export async function chooseRelease(
  choice: ReleaseChoice,
  say: (line: string) => void,
): Promise<"github" | "stand-in"> {
  if (choice === "stand-in") return choice;
  const trouble = await reach(SOURCE);
  if (trouble === null) return "github";
  const host = new URL(SOURCE).host;
  if (choice === "github")
    throw new UserError(`${host} cannot be reached (${trouble})`, "Use: --release stand-in, or --release-file FILE");
  say(`Taking the stand-in release, which runs no pipelines: ${host} cannot be reached (${trouble}).`);
  return "stand-in";
}
