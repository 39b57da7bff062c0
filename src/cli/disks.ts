import { isAbsolute, resolve } from "node:path";
import { UserError } from "../errors.ts";
import type { Disk } from "../machines/machine.ts";

/** `name=hostdir:path[:ro]`. */
export function parseDisk(text: string): Disk {
  const match = /^([a-z][a-z0-9-]*)=([^:]+):([^:]+)(?::(ro|rw))?$/.exec(text);
  const [, name = "", source = "", path = "", access] = match ?? [];
  if (match === null || !isAbsolute(path) || resolve(path) === "/") {
    throw new UserError(`invalid disk "${text}"`, "Give NAME=HOSTDIR:PATH or NAME=HOSTDIR:PATH:ro, PATH below /");
  }
  return { name, source: resolve(source), path, readOnly: access === "ro" };
}
