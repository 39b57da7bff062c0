/** Restarts that are recent: of a service that runs, older ones say nothing any more. */
const RECENT_MS = 600_000;
/** So many are no mishap any more: the service keeps ending. */
const MANY = 3;

/**
 * Counts the restarts of each service within the last ten minutes from systemd's own counter, which is cumulative: it says
 * nothing of when. Restarts from before the first look are not counted, and fewer than three are none.
 */
export class RecentRestarts {
  readonly #seen = new Map<string, number>();
  readonly #times = new Map<string, number[]>();

  /** @param total systemd's NRestarts; it begins at 0 again when somebody starts the service @param now milliseconds */
  count(service: string, total: number, now: number): number {
    const before = this.#seen.get(service) ?? total;
    this.#seen.set(service, total);
    const added = total < before ? total : total - before;
    const kept = (this.#times.get(service) ?? []).filter((time) => now - time < RECENT_MS);
    const times = [...kept, ...Array.from({ length: added }, () => now)];
    this.#times.set(service, times);
    return times.length < MANY ? 0 : times.length;
  }
}
