import type { Clock } from "../ports.ts";

/**
 * Gives the work `milliseconds`, then raises its signal; also raised when `outer` is. The work has to heed it.
 * Rejects with `ETIMEDOUT` if the work fails after its time was up.
 */
export async function within<T>(
  clock: Clock,
  milliseconds: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const timer = new AbortController();
  const stop = () => inner.abort();
  outer.addEventListener("abort", stop);
  void clock.sleep(milliseconds, timer.signal).then(stop);
  try {
    return await work(inner.signal);
  } catch (error) {
    if (!inner.signal.aborted || outer.aborted) throw error;
    throw Object.assign(new Error(`no answer within ${milliseconds / 1000} s`), { code: "ETIMEDOUT" });
  } finally {
    outer.removeEventListener("abort", stop);
    timer.abort();
  }
}
