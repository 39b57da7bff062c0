import { WORKER_SERVICE } from "../../concourse/services.ts";
import type { Exec } from "../../ports.ts";

interface Listener {
  readonly port: number;
  /** The program's name, or what is said of one that ss cannot name. */
  readonly who: string;
  readonly pid: number | null;
}

/** Who listens on these ports of this machine and is not of our worker, in the order of the ports. */
export async function strangersOn(
  exec: Exec,
  read: (path: string) => Promise<string>,
  ports: readonly number[],
): Promise<Listener[]> {
  const { stdout } = await exec.run(["ss", "-Hltnp"], { timeout: 10_000 });
  const found = parseListeners(stdout).filter(({ port }) => ports.includes(port));
  const cgroups = await Promise.all(found.map(({ pid }) => (pid === null ? "" : read(`/proc/${pid}/cgroup`))));
  return found.filter((_, index) => !cgroups[index]?.includes(`/${WORKER_SERVICE}`));
}

/** `LISTEN 0 4096 127.0.0.1:7777 0.0.0.0:* users:(("concourse",pid=937,fd=11))` a line. */
export function parseListeners(text: string): Listener[] {
  return text
    .split("\n")
    .flatMap((line) => {
      const port = /^\S+ +\d+ +\d+ +\S+:(\d+) /.exec(line)?.[1];
      if (port === undefined) return [];
      const [, who = "another program", pid = null] = /users:\(\("([^"]+)",pid=(\d+)/.exec(line) ?? [];
      return [{ port: Number(port), who, pid: pid === null ? null : Number(pid) }];
    })
    .toSorted((a, b) => a.port - b.port);
}
