/** The name servers that this host asks, asked on behalf of units. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, isIPv6, type Socket } from "node:net";
import { hostResolver } from "../../machines/resolver.ts";

const PORT = 53;

/** As many servers as the C library asks, and the milliseconds that each gets (resolv.conf(5): MAXNS; half of its timeout). */
const MOST_SERVERS = 3;
const PATIENCE = 2500;

/** Read anew for each question: the host may have gone to another network. */
async function servers(): Promise<string[]> {
  return (await hostResolver()).servers.slice(0, MOST_SERVERS);
}

/** The answer to one DNS message, by the first server that gives one. */
export async function askHost(question: Buffer): Promise<Buffer | null> {
  for (const server of await servers()) {
    const answer = await askServer(server, question).catch(() => null);
    if (answer !== null) return answer;
  }
  return null;
}

async function askServer(server: string, question: Buffer): Promise<Buffer> {
  // Of its own for each question: what comes back on it, from this server only, is its answer.
  const socket = createSocket(isIPv6(server.replace(/%.*$/, "")) ? "udp6" : "udp4");
  try {
    socket.connect(PORT, server);
    await once(socket, "connect");
    socket.send(question);
    const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}

/** A connection to the first server that takes one. */
export async function dialNameServer(): Promise<Socket> {
  for (const server of await servers()) {
    const socket = connect({ host: server, port: PORT });
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(PATIENCE) });
      return socket;
    } catch {
      socket.destroy();
    }
  }
  throw new Error("no name server of this host takes connections");
}
