/** Wakes the charm until it knows what it should. */
import type { Clock } from "../ports.ts";

/** Findings that come together wake once. */
const SETTLE_MS = 30;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;
/** From one wake for news that can wait to the next. */
const LEISURE_MS = 10_000;

export interface WakerWorld {
  readonly clock: Clock;
  /** True while the charm has something to look at and may be woken. */
  readonly needed: () => boolean;
  /** True while nothing of it presses: such wakes are kept apart, the first comes at once. */
  readonly canWait: () => boolean;
  /** The sequence the charm acknowledged last. */
  readonly acknowledged: () => number;
  /** Runs the charm once; reads the orders again before it resolves. Never rejects. */
  readonly wake: () => Promise<void>;
}

/**
 * Returns what to call whenever a wake may be due. One wake is in flight at most. One that the charm answered is
 * followed at once if there is more by then; one that it did not is repeated after 1 s, 2 s … 10 s.
 */
export function createWaker(world: WakerWorld, signal: AbortSignal): () => void {
  const { clock, needed, canWait, acknowledged, wake } = world;
  let awake = false;
  /** Until when news that can wait does, by the steady clock. */
  let leisure = 0;
  let resting: AbortController | null = null;

  async function rest(): Promise<void> {
    while (canWait() && clock.steady() < leisure && !signal.aborted) {
      resting = new AbortController();
      await clock.sleep(leisure - clock.steady(), AbortSignal.any([signal, resting.signal]));
      resting = null;
    }
    if (canWait()) leisure = clock.steady() + LEISURE_MS;
  }

  async function run(): Promise<void> {
    let unanswered = 0;
    await clock.sleep(SETTLE_MS, signal);
    while (needed() && !signal.aborted) {
      await rest();
      if (!needed() || signal.aborted) return;
      const before = acknowledged();
      await wake();
      if (!needed()) return;
      unanswered = acknowledged() > before ? 0 : unanswered + 1;
      const pause = unanswered === 0 ? SETTLE_MS : FIRST_RETRY_MS * 2 ** (unanswered - 1);
      await clock.sleep(Math.min(pause, LONGEST_RETRY_MS), signal);
    }
  }

  function kick(): void {
    if (!canWait()) resting?.abort();
    if (awake || signal.aborted || !needed()) return;
    awake = true;
    void run().finally(() => {
      awake = false;
      kick();
    });
  }
  return kick;
}
