/** Serves one file to whoever asks, at most so many bytes a second (0: as fast as it goes). Prints its port. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";

const [path = "", limit = "0"] = process.argv.slice(2);
const rate = Number(limit);

const server = createServer((_, response) => {
  response.writeHead(200, { "content-length": statSync(path).size, etag: '"bench"' });
  void send(response);
}).listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

async function send(response: ServerResponse): Promise<void> {
  const start = performance.now();
  let sent = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    const ahead = rate === 0 ? 0 : start + (sent / rate) * 1000 - performance.now();
    if (ahead > 1) {
      await setTimeout(ahead);
    }
    if (!response.write(piece)) {
      await new Promise((drained) => response.once("drain", drained));
    }
    sent += (piece as Buffer).length;
  }
  response.end();
}
