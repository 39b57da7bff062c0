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
/** However slow it is, nobody looks at an older figure than this. */
export const LONGEST_PAUSE_MS = 30_000;

/** Decides which progress is worth a message: the first bytes, each 5 %, each new step; never twice in 5 s, in 30 s always. */
export function createProgressGate(): (now: number, progress: Progress) => boolean {
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = "";
  return (now, progress) => {
    if (progress.bytes === 0) return false;
    const mark = `${progress.step} ${partOf(progress)}`;
    if (now - toldAt < (mark === told ? LONGEST_PAUSE_MS : SHORTEST_PAUSE_MS)) return false;
    toldAt = now;
    told = mark;
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
