import { access, constants, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { WORK_DIRECTORY } from "../../concourse/settings.ts";
import { using } from "../../store/files.ts";
import type { Ports } from "../../ports.ts";
import type { Preflight } from "../contract.ts";
import { lacksOf, type Machine } from "./checks.ts";

/** What builds need of this machine, as far as it can be seen before one runs. */
export async function look({ exec, fs }: Pick<Ports, "exec" | "fs">): Promise<Preflight> {
  const machine: Machine = {
    exec,
    read: (path) => readFile(path, "utf8").catch(() => ""),
    writable: (path) =>
      access(path, constants.W_OK).then(
        () => true,
        () => false,
      ),
    space: async (path) => using(await fs.openDirectory(path), (directory) => directory.space()),
    hostname: hostname(),
    directory: WORK_DIRECTORY,
  };
  return { installing: null, lacks: await lacksOf(machine) };
}
