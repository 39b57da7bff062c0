/** Two small things every relay here needs. */

import type { Duplex } from "node:stream";
import type { Socket } from "node:net";

/** Copies both ways until both sides have ended; an error on one side ends the other. */
export function join(one: Duplex, other: Duplex): void {
  one.on("error", () => other.destroy());
  other.on("error", () => one.destroy());
  one.pipe(other);
  other.pipe(one);
}

/** Bytes a first line may have; more means the peer speaks something else. */
const LONGEST_LINE = 4096;

/** Reads up to the first newline and leaves what follows in the socket. */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const done = (): void => {
      socket.off("readable", take);
      socket.off("end", ended);
      socket.off("error", ended);
    };
    const ended = (): void => {
      done();
      reject(new Error("connection closed before the first line"));
    };
    const take = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      received = Buffer.concat([received, chunk]);
      const newline = received.indexOf(10);
      if (newline === -1 && received.length <= LONGEST_LINE) return;
      done();
      if (newline === -1) return reject(new Error("first line too long"));
      socket.unshift(received.subarray(newline + 1));
      resolve(received.subarray(0, newline).toString("utf8"));
    };
    socket.on("readable", take);
    socket.on("end", ended);
    socket.on("error", ended);
  });
}
