import { arch, cpus, release, totalmem } from "node:os";

/** Kernel, processors and memory of this host, for a report. */
export function describeHost(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() || "unknown processor";
  return `Linux ${release()}, ${arch()}, ${processors.length} × ${model}, ${(totalmem() / 1e9).toFixed(1)} GB`;
}
