import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, promises as node } from "node:fs";
import type { Held, Lock } from "../ports.ts";
import { HostDir } from "./fs.ts";

const CONFLICT = 75;

/**
 * util-linux' `flock` locks a descriptor that it inherits from us and ends: the lock belongs to the open file, which we
 * keep, so the kernel frees it when we close it or die. Node itself offers no flock, and locks by age of a file let two
 * holders in.
 */
export const hostLock: Lock = {
  async take(directory, name) {
    if (!(directory instanceof HostDir)) {
      throw new TypeError("a directory of another world");
    }
    const path = directory.path(name);
    const handle = await node.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const held: Held = {
      valid: async () => sameFile(handle, path),
      release: async () => handle.close().catch(() => undefined),
    };
    try {
      // A name that leads elsewhere by now guards another file: whoever replaced it may hold that one.
      if ((await flock(handle.fd)) && (await held.valid())) {
        return held;
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return null;
  },
};

async function flock(descriptor: number): Promise<boolean> {
  const child = spawn("flock", ["-n", "-E", String(CONFLICT), "3"], {
    stdio: ["ignore", "ignore", "ignore", descriptor],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0 && code !== CONFLICT) {
    throw Object.assign(new Error(`flock ended with ${code}`), { code: "ENOLCK" });
  }
  return code === 0;
}

async function sameFile(handle: node.FileHandle, path: string): Promise<boolean> {
  const ours = await handle.stat();
  try {
    const named = await node.lstat(path);
    return ours.ino === named.ino && ours.dev === named.dev;
  } catch {
    return false;
  }
}
