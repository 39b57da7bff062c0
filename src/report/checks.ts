/** The success criteria: each one looked at in what was seen, and nothing taken for granted. */

import { everyStep, fullStack, postgresql, registeredWorkers } from "./checks-cluster.ts";
import {
  hostDirectory,
  identicalContent,
  lxcMode,
  releaseBytes,
  sharedAccess,
  storagePath,
  versionMarker,
} from "./checks-directory.ts";
import { lockCoordination, scaling, singleDownload, workerWaiting } from "./checks-downloads.ts";
import type { Evidence } from "./evidence.ts";
import type { Check } from "./types.ts";
import type { Result } from "./verdict.ts";

const CHECKS: readonly (readonly [name: string, look: (evidence: Evidence) => Result])[] = [
  ["Every Step", everyStep],
  ["Single Download", singleDownload],
  ["Lock Coordination", lockCoordination],
  ["Worker Waiting", workerWaiting],
  ["Version Marker", versionMarker],
  ["Shared Access", sharedAccess],
  ["Identical Content", identicalContent],
  ["LXC Mode", lxcMode],
  ["Storage Path", storagePath],
  ["Scaling Test", scaling],
  ["PostgreSQL Integration", postgresql],
  ["Full Stack", fullStack],
  ["Registered Workers", registeredWorkers],
  ["Host Directory", hostDirectory],
  ["Release Bytes", releaseBytes],
];

export function checksOf(evidence: Evidence): Check[] {
  return CHECKS.map(([name, look]) => ({ name, ...look(evidence) }));
}
