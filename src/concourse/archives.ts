import type { Arch, Target } from "../agent/contract.ts";

/** Which archive is looked for. */
export interface Question {
  /** Empty: the newest one. */
  readonly version: string;
  readonly arch: Arch;
}

/** `concourse-7.14.3-linux-amd64.tgz`, as upstream names it. */
export function archiveName({ version, arch }: Pick<Target, "version" | "arch">): string {
  return `concourse-${version}-linux-${arch}.tgz`;
}
