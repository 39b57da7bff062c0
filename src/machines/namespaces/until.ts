import { watch } from "node:fs";
import { code } from "./errno.ts";

/**
 * Resolves once `check` gives true: it is asked at once, and again whenever the kernel reports a change at `path`, which
 * must exist (a directory, or a file that the kernel announces). When `path` is removed, `check` is asked a last time
 * and must then give true or throw. Rejects with the signal's reason when aborted.
 */
export async function until(path: string, check: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const done = Promise.withResolvers<void>();
  // The checks follow one another, so that the last one sees what the last event was about.
  let checks = Promise.resolve();
  const again = () => {
    checks = checks.then(async () => {
      if (await check()) done.resolve();
    });
    checks.catch(done.reject);
  };
  const aborted = () => done.reject(signal?.reason);
  const watcher = open(path, again, done.reject);
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    again();
    await done.promise;
  } finally {
    signal?.removeEventListener("abort", aborted);
    watcher?.close();
  }
}

function open(path: string, changed: () => void, failed: (error: Error) => void) {
  try {
    const watcher = watch(path, changed);
    watcher.on("error", failed);
    return watcher;
  } catch (error) {
    // Removed just now: the check decides what that means.
    if (code(error) === "ENOENT") return null;
    throw error;
  }
}
