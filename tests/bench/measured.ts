/** The process that is measured. Does one thing and prints its time, most memory and CPU time as JSON. */
import { mkdirSync, readFileSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { hostPorts } from "../../src/host/ports.ts";
import { fetchRelease } from "../../src/store/fetch.ts";
import { openStore } from "../../src/store/store.ts";
import type { Archive, StoreOrders } from "../../src/store/types.ts";

const [what = "", ...args] = process.argv.slice(2);
const PROXY = { http: null, https: null, none: null };

const jobs: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  /** Ours: from the first byte to the published release. */
  install: async (path = "", url = "", sha256 = "") => {
    const member = "bench-app-0";
    const base = { id: null, mayCreate: true, related: [], lease: [], keep: [] };
    const orders: StoreOrders = { ...base, kind: "private", path, application: "bench-app", member };
    const { store } = await openStore(hostPorts, orders);
    if (store === null) {
      throw new Error("no store");
    }
    const target = { version: "7.14.3", arch: "amd64" as const, sha256, manifestSha256: null };
    const options = { report: () => undefined, signal: new AbortController().signal, lock: true, bad: [] };
    const archive: Archive = { kind: "http", url, headers: {}, proxy: PROXY };
    await fetchRelease(hostPorts, store, target, async () => [archive], options);
    await store.close();
  },
  /** The network alone. */
  network: async (url = "") => {
    const { body } = await hostPorts.http.send({ url });
    for await (const _ of body);
  },
  /** The unpacked tree alone, each file and directory made durable. */
  write: async (from = "", to = "") => copy(from, to),
};

async function copy(from: string, to: string): Promise<void> {
  mkdirSync(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    await (entry.isDirectory() ? copy : copyFile)(join(from, entry.name), join(to, entry.name));
  }
  const directory = await open(to, "r");
  await directory.sync();
  await directory.close();
}

async function copyFile(from: string, to: string): Promise<void> {
  const source = await open(from, "r");
  const file = await open(to, "w");
  const buffer = Buffer.alloc(1024 * 1024);
  for (let count = -1; count !== 0;) {
    count = (await source.read(buffer, 0, buffer.length, null)).bytesRead;
    await file.write(buffer, 0, count);
  }
  await file.sync();
  await Promise.all([file.close(), source.close()]);
}

const job = jobs[what];
if (job === undefined) {
  throw new Error(`unknown job ${what}`);
}
const start = performance.now();
await job(...args);
const milliseconds = performance.now() - start;
const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ milliseconds, peak, cpu: (user + system) / 1000 }));
