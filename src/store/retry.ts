import type { Ports } from "../ports.ts";

const FIRST = 500;
/** With a stalled connection noticed after 8 s, whatever heals is used within 15 s. */
const LONGEST = 6_000;

/**
 * Milliseconds to wait before the n-th retry (n = 1, 2, …): doubled each time up to a bound, half of it by chance, so
 * that units which failed together do not come back together.
 */
export function retryDelay(ports: Pick<Ports, "random">, attempt: number): number {
  const full = Math.min(LONGEST, FIRST * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (full / 2) * ports.random.fraction());
}

/** HTTP statuses that may pass by themselves. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}
