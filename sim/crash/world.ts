/** What the crash suite runs the production code in: machines on one disk, a mirror that serves, time that stands. */
import type { StorePorts } from "../../src/store/ports.ts";
import type { StoreOrders, Target } from "../../src/store/types.ts";
import type { HttpRequest, HttpResponse } from "../../src/ports.ts";
import { type Entry, release, tgz } from "../../tests/fixtures/store/tar.ts";
import { simHash, simInflate } from "../world/archives.ts";
import { Dice } from "../world/random.ts";
import { Disk, type LockScope } from "../disk/disk.ts";
import { Machine } from "../disk/machine.ts";
import type { Process } from "../disk/process.ts";

export const STORE = "/var/lib/concourse";
export const MIRROR = "http://mirror/";
const NOW = 1_800_000_000_000;

export interface CrashArchive {
  readonly bytes: Buffer;
  readonly target: Target;
}

/** `small`: four files, a link, directories. `large`: a dozen files more, some of them by hard links. */
export function archiveOf(version: string, size: "small" | "large"): CrashArchive {
  const more: Entry[] = Array.from({ length: 12 }, (_, index) =>
    index % 4 === 3
      ? { path: `concourse/bin/also-${index}`, type: "1", target: `concourse/bin/tool-${index - 1}` }
      : { path: `concourse/bin/tool-${index}`, mode: 0o755, content: `${version} tool ${index}`.repeat(index * 9) },
  );
  const bytes = tgz([...release(version).map(shrunk), ...(size === "large" ? more : [])]);
  const hasher = simHash.sha256();
  hasher.update(bytes);
  return { bytes, target: { version, arch: "amd64", sha256: hasher.digest(), manifestSha256: null } };
}

/** The fixture's large file is of no use here. */
function shrunk(entry: Entry): Entry {
  return entry.content !== undefined && entry.content.length > 2_000
    ? { ...entry, content: entry.content.slice(0, 1_500) }
    : entry;
}

export interface CrashWorldOptions {
  readonly seed: number;
  readonly locks: LockScope;
  readonly archives: readonly CrashArchive[];
  readonly deafTo?: Disk["deafTo"];
  /** The first machine's agent stands still before this call of its, until the other one is done. */
  readonly pauseAt?: number;
  /** The disk to begin with; a new one with nothing but the marker unless told otherwise. */
  readonly disk?: Disk;
}

export class CrashWorld {
  readonly disk: Disk;
  readonly machines: readonly Machine[];
  readonly #dice: Dice;
  readonly #archives: readonly CrashArchive[];
  readonly #pauseAt: number;
  readonly #paused = Promise.withResolvers<void>();
  readonly #resumed = Promise.withResolvers<void>();
  /** Calls that the first machine has made since it was to be overtaken. */
  calls = 0;
  #counting = false;

  constructor({ seed, locks, archives, disk, deafTo = null, pauseAt = 0 }: CrashWorldOptions) {
    this.#pauseAt = pauseAt;
    this.disk = disk ?? new Disk({ device: 9, now });
    this.disk.locks = locks;
    this.disk.deafTo = deafTo;
    this.#dice = new Dice(seed, "crash");
    this.#archives = archives;
    this.machines = ["m0", "m1"].map((name) => new Machine(name, { now }));
    for (const machine of this.machines) machine.attach(STORE, this.disk);
    if (disk === undefined) this.machines[0]?.put(`${STORE}/.lxc_shared_storage`, "");
  }

  /** A new process on a machine; its calls interleave with those of others by chance. */
  process(machine: number): Process {
    const before = async (): Promise<void> => {
      if (machine === 0 && this.#counting && ++this.calls === this.#pauseAt) {
        this.#paused.resolve();
        await this.#resumed.promise;
      }
      for (let turns = this.#dice.below(4); turns > 0; turns--) await Promise.resolve();
    };
    return (this.machines[machine] as Machine).process("agent", before);
  }

  /** Does one thing while the first machine's agent, which does the other, stands still: or both at once if it never does. */
  async overtaken(slow: () => Promise<void>, fast: () => Promise<void>): Promise<void> {
    this.#counting = true;
    if (this.#pauseAt === 0) this.#paused.resolve();
    const ending = slow().finally(() => this.#paused.resolve());
    await this.#paused.promise;
    await fast().finally(() => this.#resumed.resolve());
    await ending;
  }

  ports({ fs, lock }: Pick<Process, "fs" | "lock">): StorePorts {
    const dice = this.#dice;
    return {
      fs,
      lock,
      hash: simHash,
      inflate: simInflate(async () => undefined),
      http: { send: async (request) => this.#serve(request) },
      clock: { now, steady: () => 0, sleep: async () => undefined },
      random: {
        uuid: () => dice.uuid(),
        bytes: (count) => new Uint8Array(count).map(() => dice.below(256)),
        fraction: () => dice.fraction(),
      },
    };
  }

  #serve({ url, headers = {} }: HttpRequest): HttpResponse {
    const archive = this.#archives.find(({ target }) => url === urlOf(target));
    if (archive === undefined) throw new Error(`nothing at ${url}`);
    const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0);
    const { bytes } = archive;
    const rest = bytes.subarray(from);
    return {
      status: from === 0 ? 200 : 206,
      headers: {
        etag: '"1"',
        "content-length": String(rest.length),
        ...(from === 0 ? {} : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
      },
      url,
      body: inPieces(rest),
      cancel: () => undefined,
    };
  }
}

export const now = (): number => NOW;

export function urlOf({ version }: Pick<Target, "version">): string {
  return `${MIRROR}concourse-${version}-linux-amd64.tgz`;
}

export function ordersOf(member: string, mayCreate = true): StoreOrders {
  const application = member.replace(/-\d+$/, "");
  return { kind: "mount", path: STORE, id: null, mayCreate, application, related: [], member, lease: [], keep: [] };
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  const piece = Math.ceil(bytes.length / 5);
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}
