import { watch } from "node:fs";
import { code } from "../errno.ts";

/**
 * Resolves once `check` gives true: it is asked at once, and again whenever the kernel reports a change at one of `paths`:
 * entries of a directory, or a file that announces its changes. A path that is not there is not watched. Rejects with what
 * `check` throws, or with the signal's reason when aborted.
 */
export async function until(
  paths: readonly string[],
  check: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
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
  const watchers = paths.map((path) => open(path, again, done.reject));
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    again();
    await done.promise;
  } finally {
    signal?.removeEventListener("abort", aborted);
    for (const watcher of watchers) watcher?.close();
  }
}

function open(path: string, changed: () => void, failed: (error: Error) => void) {
  try {
    const watcher = watch(path, changed);
    watcher.on("error", failed);
    return watcher;
  } catch (error) {
    if (code(error) === "ENOENT") return null;
    throw error;
  }
}
