import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors.ts";
import { code } from "./errno.ts";
import type { Disk } from "./machine.ts";

/**
 * What was plugged in or out since the machine was described: kept in its directory, so that the next boot, and the next
 * process that drives it, start from there.
 */
interface Changes {
  readonly attached: readonly Disk[];
  readonly detached: readonly string[];
}

const none: Changes = { attached: [], detached: [] };

export class Disks {
  private readonly file: string;
  private readonly described: readonly Disk[];

  constructor(file: string, described: readonly Disk[]) {
    this.file = file;
    this.described = described;
  }

  /** The disks that the machine has now, or has when it boots. */
  async current(): Promise<Disk[]> {
    const { attached, detached } = await this.changes();
    const gone = new Set([...detached, ...attached.map(({ name }) => name)]);
    return [...this.described.filter(({ name }) => !gone.has(name)), ...attached];
  }

  async attached(disk: Disk): Promise<void> {
    const { attached, detached } = await this.changes();
    await this.save({
      attached: [...attached.filter(({ name }) => name !== disk.name), disk],
      detached: detached.filter((name) => name !== disk.name),
    });
  }

  async detached(name: string): Promise<void> {
    const { attached, detached } = await this.changes();
    await this.save({
      attached: attached.filter((disk) => disk.name !== name),
      detached: [...new Set([...detached, name])],
    });
  }

  private async changes(): Promise<Changes> {
    try {
      return JSON.parse(await readFile(this.file, "utf8")) as Changes;
    } catch (error) {
      if (code(error) === "ENOENT") return none;
      throw error;
    }
  }

  private async save(changes: Changes): Promise<void> {
    const partial = `${this.file}.new`;
    await mkdir(dirname(this.file), { recursive: true });
    await writeFile(partial, JSON.stringify(changes));
    await rename(partial, this.file).catch(async (error: unknown) => {
      await rm(partial, { force: true });
      throw error;
    });
  }
}

/** The disk with its source free of links, which would lead elsewhere inside the machine. */
export async function resolved(disk: Disk): Promise<Disk> {
  try {
    const source = await realpath(disk.source);
    if ((await stat(source)).isDirectory()) return { ...disk, source };
  } catch (error) {
    if (code(error) !== "ENOENT") throw error;
    throw new UserError(
      `The directory ${disk.source} of disk ${disk.name} does not exist`,
      `Run mkdir -p ${disk.source}`,
    );
  }
  throw new UserError(`The source ${disk.source} of disk ${disk.name} is no directory`, "Name the directory it is in");
}
