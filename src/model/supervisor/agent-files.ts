/**
 * What a unit's machine needs before its agent can run anything: hook commands, `juju-exec`, the agent's directories.
 * Paths are Juju's (Juju 3.6, internal/worker/uniter/paths.go, agent/tools/symlinks.go).
 */

import { packTar, type TarHeader } from "modern-tar";
import type { JujuLine } from "../state/juju-line.ts";
import { HOOK_COMMANDS, hookCommandScript, jujuExecScript } from "./unit-client.ts";

export interface UnitPaths {
  readonly agent: string;
  readonly charm: string;
  readonly resources: string;
  readonly tools: string;
  readonly agentSocket: string;
  readonly runSocket: string;
  /** In memory: gone after a reboot of the machine, which is how one is noticed. */
  readonly rebootMark: string;
}

/** `unit-app-0` */
export function unitTag(unit: string): string {
  return `unit-${unit.replace("/", "-")}`;
}

export function unitPaths(unit: string): UnitPaths {
  const agent = `/var/lib/juju/agents/${unitTag(unit)}`;
  return {
    agent,
    charm: `${agent}/charm`,
    resources: `${agent}/resources`,
    tools: `/var/lib/juju/tools/${unitTag(unit)}`,
    agentSocket: `${agent}/agent.socket`,
    runSocket: `${agent}/run.socket`,
    rebootMark: `/run/juju/reboot-monitor/${unitTag(unit)}`,
  };
}

/** Tar of the files above, relative to `/`. `server`: `address/port` of the hook server. */
export function agentFiles(unit: string, juju: JujuLine, server: string): Promise<Uint8Array> {
  const version = `${juju.version}-ubuntu-${process.arch === "arm64" ? "arm64" : "amd64"}`;
  const commands = HOOK_COMMANDS.filter((command) => !juju.without.includes(command));
  const paths = unitPaths(unit);
  const tools = `var/lib/juju/tools/${version}`;
  const file = (name: string, body: string): { header: TarHeader; body: string } => ({
    header: { name, type: "file", mode: 0o755, uid: 0, gid: 0, size: Buffer.byteLength(body) },
    body,
  });
  const link = (name: string, linkname: string): { header: TarHeader } => ({
    header: { name, type: "symlink", linkname, uid: 0, gid: 0, size: 0 },
  });
  return packTar([
    { header: { name: `${paths.agent.slice(1)}/state/`, type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0 } },
    file(`${tools}/jujuc`, hookCommandScript(server)),
    ...commands.map((command) => link(`${tools}/${command}`, "jujuc")),
    link(paths.tools.slice(1), version),
    file("usr/bin/juju-exec", jujuExecScript(server, paths.runSocket)),
  ]);
}

/** Reads that tar, prints `yes` or `no` (has the machine been booted since the last time?) and its base, `ubuntu@24.04`. */
export function agentScript(unit: string): string {
  const { rebootMark } = unitPaths(unit);
  const directory = rebootMark.slice(0, rebootMark.lastIndexOf("/"));
  return `set -e
tar -x -C / --keep-directory-symlink --no-same-owner -p -f -
if [ -e ${rebootMark} ]; then echo no; else mkdir -p ${directory}; : > ${rebootMark}; echo yes; fi
. /etc/os-release
echo "$ID@$VERSION_ID"
`;
}
