/** What a download looks like in `juju status`, and how often it is told. */

export interface Progress {
  readonly step: "downloading" | "unpacking";
  readonly bytes: number;
  readonly total: number | null;
  /** Bytes a second. */
  readonly rate: number;
}

/** Each message is a call to the controller: not more than this, whatever the speed. */
export const SHORTEST_PAUSE_MS = 5_000;
export const STEP_PERCENT = 5;
/** How often it is told when there is no telling how much is left. */
const UNKNOWN_TOTAL_PAUSE_MS = 15_000;

/** Decides which progress is worth a message: at each 5 %, at each new step, never more than once in 5 s. */
export function createProgressGate(): (now: number, progress: Progress) => boolean {
  let since: number | null = null;
  let toldAt = Number.NEGATIVE_INFINITY;
  let toldStep = "downloading";
  let toldPart = 0;
  return (now, progress) => {
    since ??= now;
    if (now - toldAt < SHORTEST_PAUSE_MS) return false;
    const part = partOf(progress);
    const late = now - Math.max(toldAt, since) >= UNKNOWN_TOTAL_PAUSE_MS;
    if (progress.step === toldStep && !(part === null ? late : part > toldPart)) return false;
    toldAt = now;
    toldStep = progress.step;
    toldPart = part ?? 0;
    return true;
  };
}

/** `Downloading Concourse 7.14.3: 43% of 171 MB, 2.6 MB/s` */
export function progressText(version: string, progress: Progress): string {
  if (progress.step === "unpacking") return `Unpacking and verifying Concourse ${version}`;
  const percent = percentOf(progress);
  const amount = percent === null ? megabytes(progress.bytes) : `${percent}% of ${megabytes(progress.total ?? 0)}`;
  const speed = progress.rate > 0 ? `, ${(progress.rate / 1e6).toFixed(1)} MB/s` : "";
  return `Downloading Concourse ${version}: ${amount}${speed}`;
}

function partOf(progress: Progress): number | null {
  const percent = percentOf(progress);
  return percent === null ? null : Math.floor(percent / STEP_PERCENT);
}

function percentOf({ bytes, total }: Progress): number | null {
  return total === null || total <= 0 ? null : Math.min(100, Math.floor((bytes / total) * 100));
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
