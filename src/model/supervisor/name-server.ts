/**
 * The units' name server, on the bridge. It knows nothing itself: every question goes to the name servers of the host, and
 * is asked from there, for the host's server may listen on loopback (systemd-resolved, a VPN).
 */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "./splice.ts";

const PORT = 53;

/** Questions that wait for an answer at one time; who asks more, asks again by itself. */
const MOST_WAITING = 500;

/**
 * @param ask puts one question (a DNS message) to the host's name servers; null if none answers
 * @param dial a connection to a name server of the host, for what is too long for a datagram
 */
export async function startNameServer(
  address: string,
  ask: (question: Buffer) => Promise<Buffer | null>,
  dial: () => Promise<Socket>,
): Promise<void> {
  const datagrams = createSocket("udp4");
  let waiting = 0;
  datagrams.on("message", (question, from) => {
    if (waiting >= MOST_WAITING) return;
    waiting++;
    void ask(question)
      .then((answer) => answer !== null && datagrams.send(answer, from.port, from.address))
      .catch(() => {})
      .finally(() => waiting--);
  });
  // A machine that went away while its answer was on the way.
  datagrams.on("error", () => {});
  datagrams.bind(PORT, address);
  await once(datagrams, "listening");
  const connections = createServer((client) => {
    client.on("error", () => client.destroy());
    void dial().then(
      (upstream) => join(client, upstream),
      () => client.destroy(),
    );
  });
  connections.listen(PORT, address);
  await once(connections, "listening");
}
