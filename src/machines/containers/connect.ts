import { UserError } from "../../errors.ts";
import { code } from "../errno.ts";
import { Daemon } from "./daemon.ts";
import type { Flavour } from "./flavour.ts";
import { ownSocket } from "./own.ts";

/** What of the daemon's own description counts here (Incus 6.0, doc/rest-api.yaml: Server). */
export interface Description {
  /** `trusted` for whoever may use it. */
  readonly auth: string;
  readonly environment: {
    readonly server_pid: number;
    readonly server_version: string;
    readonly kernel_version: string;
    /** Values are "true" and "false". */
    readonly kernel_features: Readonly<Record<string, string>>;
  };
}

/** The daemon that answers on this host, one that `machines prepare` started first; null if none does. */
export async function connect(flavour: Flavour): Promise<Daemon | null> {
  for (const socket of [ownSocket(flavour), ...flavour.sockets]) {
    const daemon = new Daemon(socket);
    if (await answers(daemon)) return daemon;
  }
  return null;
}

/** @throws UserError if none answers. */
export async function connected(flavour: Flavour): Promise<Daemon> {
  const daemon = await connect(flavour);
  if (daemon === null) throw silent(flavour);
  return daemon;
}

export function silent({ title, name }: Flavour): UserError {
  return new UserError(
    `No daemon of ${title} answers on this host`,
    `Run: concourse-machine machines prepare --machines ${name}`,
  );
}

export function describe(daemon: Daemon): Promise<Description> {
  return daemon.get<Description>("/1.0");
}

async function answers(daemon: Daemon): Promise<boolean> {
  try {
    return (await describe(daemon)).auth === "trusted";
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED", "EACCES", "ECONNRESET"].includes(code(error))) return false;
    throw error;
  }
}
