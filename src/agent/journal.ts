/** The agent's side of the two files: what it has written, and what of it the charm does not know yet. */
import { isDeepStrictEqual } from "node:util";
import type { AgentState, Orders } from "./contract.ts";
import { readText, writePrivate } from "./files.ts";
import { matters } from "./matters.ts";
import type { Ports } from "../ports.ts";

/** More contents than this are never remembered while the charm does not answer. */
const MOST_REMEMBERED = 32;

export interface Journal {
  /** The state as it was last written, or found at the start; null if there was none. */
  readonly found: AgentState | null;
  /** Writes the state if its content is new. Calls must not overlap. */
  readonly write: (make: (sequence: number) => AgentState) => Promise<void>;
  /** What the charm should look at and has not acted on, as rows of the table in `matters.ts`. */
  readonly news: (orders: Orders) => string[];
}

/** `orders` is what was found at the start: a state file that is lost or torn goes on above what was acknowledged. */
export async function openJournal(
  ports: Pick<Ports, "fs" | "random">,
  path: string,
  orders: Orders | null,
): Promise<Journal> {
  const found = parseState(await readText(ports, path));
  const acknowledged = orders?.acknowledged ?? 0;
  let sequence = Math.max(found?.sequence ?? 0, acknowledged);
  let latest = found;
  /** Contents by sequence, oldest first: the charm acts on one of them and says which. */
  const written = new Map<number, AgentState>();
  if (found !== null) written.set(found.sequence, found);

  function actedOn({ acknowledged }: Orders): AgentState | null {
    const known = [...written.keys()].filter((sequence) => sequence <= acknowledged);
    const last = known.pop();
    for (const older of known) written.delete(older);
    return last === undefined ? null : (written.get(last) ?? null);
  }

  return {
    found,
    write: async (make) => {
      if (latest !== null && isDeepStrictEqual(make(latest.sequence), latest)) return;
      const state = make(sequence + 1);
      await writePrivate(ports, path, `${JSON.stringify(state)}\n`);
      sequence += 1;
      latest = state;
      written.set(sequence, state);
      // The second, never the first: that may be the one the charm has acted on.
      if (written.size > MOST_REMEMBERED) written.delete([...written.keys()][1] ?? sequence);
    },
    news: (orders) => {
      if (latest === null) return [];
      const known = actedOn(orders);
      return known === latest ? [] : matters(known, latest, orders);
    },
  };
}

function parseState(text: string | null): AgentState | null {
  if (text === null) return null;
  try {
    const state = JSON.parse(text) as Partial<AgentState> | null;
    return state?.schema === 1 && Number.isSafeInteger(state.sequence) ? (state as AgentState) : null;
  } catch {
    return null;
  }
}
