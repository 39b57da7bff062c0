/** When a source that failed is asked again. Pure: time and dice are arguments. */

/** What a source answered, as far as that decides when it is asked again. */
export interface Failure {
  /** HTTP status; null if there was no answer: refused, unresolved, stalled, cut. */
  readonly status: number | null;
  /** `Retry-After` as it came: seconds, or an HTTP date (RFC 9110, section 10.2.3); null if there was none. */
  readonly retryAfter: string | null;
}

/** Nobody answered. */
export const NO_ANSWER: Failure = { status: null, retryAfter: null };

const FIRST = 500;
/** With a stalled connection noticed after 8 s, whatever heals is used within 15 s. */
export const LONGEST_BACKOFF = 6_000;
/** For what only an operator or a publisher changes, and the longest a server may send us away for. */
export const LATER = 10 * 60 * 1000;

/**
 * Milliseconds until the n-th retry (n = 1, 2, …).
 *
 * | failure | again after |
 * | --- | --- |
 * | no answer, 408, 429, 5xx | 0.5 s, 1 s, 2 s, 4 s, 6 s, 6 s, …, half of each by chance |
 * | the same with `Retry-After` | what it says if that is longer, 10 minutes at most |
 * | anything else | 10 minutes: a version may be published later |
 *
 * @param fraction dice in [0, 1)
 * @param now milliseconds since 1970, for a date in `Retry-After`
 */
export function pauseAfter(failure: Failure, attempt: number, fraction: number, now: number): number {
  if (!isTransient(failure.status)) {
    return LATER;
  }
  const asked = failure.retryAfter === null ? 0 : retryAfterMs(failure.retryAfter, now);
  return Math.max(backoff(attempt, fraction), Math.min(asked, LATER));
}

/**
 * Doubled each time up to a bound, half of it by chance, so that units which failed together do not come back together.
 * Milliseconds.
 */
export function backoff(attempt: number, fraction: number): number {
  const full = Math.min(LONGEST_BACKOFF, FIRST * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (full / 2) * fraction);
}

/** No answer, and HTTP statuses that may pass by themselves. */
export function isTransient(status: number | null): boolean {
  return status === null || status === 408 || status === 429 || status >= 500;
}

/** Seconds or a date in milliseconds from now; 0 for what is neither, and for a date that has passed. */
function retryAfterMs(text: string, now: number): number {
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now;
  return ms > 0 ? ms : 0;
}
