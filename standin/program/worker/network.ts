/**
 * What the containerd runtime looks for in the machine's network before the worker starts (concourse/concourse,
 * worker/workercmd/containerd.go, worker/network/mtu.go, worker/runtime/cni_network.go).
 */

import { accessSync, constants } from "node:fs";
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import type { Settings } from "../settings.ts";

const WHERE = "containerd garden server runner: failed to create CNI network opts";

/** @throws Failure in upstream's words. */
export async function requireNetwork(settings: Settings): Promise<void> {
  if (settings.text("runtime") !== "containerd") return;
  if (!settings.has("containerd-mtu")) await requireMtu(settings.text("containerd-external-ip"));
  // The release's own programs come first.
  const directories = [dirname(process.execPath), ...(process.env["PATH"] ?? "").split(delimiter)];
  if (!directories.some((directory) => isExecutable(join(directory, "iptables"))))
    throw new Failure(`${WHERE}: failed to initialize iptables: exec: "iptables": executable file not found in $PATH`);
}

/** It is that of the interface which has the machine's outward address. */
async function requireMtu(external: string): Promise<void> {
  if (external === "") {
    if (await hasWayOut()) return;
    throw new Failure(
      `${WHERE}: container MTU: Couldn't determine local IP to use for --external-ip parameter. You can use the --external-ip flag to pass an external IP explicitly.`,
    );
  }
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  if (!addresses.some(({ address }) => address === external))
    throw new Failure(`${WHERE}: container MTU: no interface found for address ${external}`);
}

/** Whether there is a route to anywhere; nothing is sent (code.cloudfoundry.org/localip asks in the same way). */
async function hasWayOut(): Promise<boolean> {
  const socket = createSocket("udp4");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("error", () => resolve(false));
  socket.once("connect", () => resolve(true));
  socket.connect(1, "1.2.3.4");
  try {
    return await promise;
  } finally {
    socket.close();
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
