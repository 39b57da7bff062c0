/** The real process: a real mirror, a fake juju-exec, temporary directories. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import bcrypt from "bcryptjs";
import { packTar } from "modern-tar";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { publicLine } from "../concourse/ssh-keys.ts";
import type { AgentState, ClusterSecret, Orders, Target } from "./contract.ts";

const PATIENCE = { timeout: 25_000, interval: 50 };

let home: string;
let server: Server;
let archive: Buffer;
let target: Target;
let served: number;
/** Bytes a second, or 0 for as fast as it goes. */
let speed: number;
let agent: ChildProcess | null;
let stderr: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "agent-"));
  for (const name of ["unit", "etc", "bin", "store"]) await mkdir(join(home, name), { mode: 0o700 });
  // Wakes and statuses as lines; a wake acknowledges what it reads.
  await tool(
    "juju-exec",
    `printf '%s\\n' "$3" >> '${home}/told'
     case "$3" in
       *dispatch*) '${process.execPath}' '${home}/acknowledge.mjs' ;;
       resource-get*) exit 1 ;;
     esac`,
  );
  await tool("systemctl", "printf 'Id=concourse-worker.service\\nActiveState=inactive\\nMainPID=0\\nNRestarts=0\\n'");
  await writeFile(
    join(home, "acknowledge.mjs"),
    `import { readFileSync, writeFileSync, renameSync } from "node:fs";
     const { sequence } = JSON.parse(readFileSync("${home}/unit/state.json"));
     const orders = JSON.parse(readFileSync("${home}/unit/orders.json"));
     writeFileSync("${home}/unit/.orders", JSON.stringify({ ...orders, acknowledged: sequence }));
     renameSync("${home}/unit/.orders", "${home}/unit/orders.json");`,
  );
  await makeArchive();
  served = 0;
  speed = 0;
  stderr = "";
  agent = null;
  server = createServer(async (request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = from > 0 ? { "content-range": `bytes ${from}-${archive.length - 1}/${archive.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', "content-length": archive.length - from, ...range });
    for (let at = from; at < archive.length && !response.destroyed; at += 65_536) {
      const piece = archive.subarray(at, at + 65_536);
      served += piece.length;
      if (!response.write(piece)) await once(response, "drain").catch(() => undefined);
      if (speed > 0) await sleep((piece.length / speed) * 1_000);
    }
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  agent?.kill("SIGKILL");
  server.closeAllConnections();
  server.close();
  await chmodAll();
  await rm(home, { recursive: true, force: true });
});

/** Published releases are read-only, also for their owner. */
async function chmodAll(): Promise<void> {
  execFileSync("chmod", ["-R", "u+w", home]);
}

async function tool(name: string, script: string): Promise<void> {
  await writeFile(join(home, "bin", name), `#!/bin/bash\n${script}\n`);
  await chmod(join(home, "bin", name), 0o755);
}

async function makeArchive(): Promise<void> {
  const file = (name: string, body: Uint8Array) => ({
    header: { name: `concourse/${name}`, size: body.length, mode: 0o755, type: "file" as const },
    body,
  });
  const files = [file("bin/concourse", randomBytes(6_000_000)), file("fly-assets/fly.tgz", randomBytes(2_000_000))];
  archive = gzipSync(await packTar(files), { level: 1 });
  const sha256 = createHash("sha256").update(archive).digest("hex");
  target = { version: "7.14.3", arch: "amd64", sha256, manifestSha256: null };
}

async function order(change: Partial<Orders> = {}): Promise<void> {
  const orders: Orders = {
    schema: 1,
    unit: "ci/0",
    modelUuid: "0a1b2c3d-0000-4000-8000-000000000000",
    charmDirectory: join(home, "charm"),
    acknowledged: 0,
    stopping: false,
    store: {
      kind: "private",
      path: join(home, "store"),
      id: null,
      mayCreate: true,
      application: "0a1b2c3d-ci",
      related: [],
      member: "0a1b2c3d-ci-0",
      lease: [],
      keep: [],
    },
    source: {
      resource: true,
      mirrors: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
      digest: null,
      known: {},
      githubToken: null,
      httpProxy: null,
      httpsProxy: null,
      noProxy: null,
    },
    resolve: null,
    target: null,
    fetch: false,
    workerKey: false,
    clusterSecret: false,
    database: null,
    web: null,
    probe: null,
    services: ["concourse-worker.service"],
    ...change,
  };
  await writeFile(join(home, "unit/.new"), JSON.stringify(orders), { mode: 0o600 });
  await rename(join(home, "unit/.new"), join(home, "unit/orders.json"));
}

function start(): void {
  const places = {
    orders: join(home, "unit/orders.json"),
    state: join(home, "unit/state.json"),
    clusterSecret: join(home, "unit/new-cluster-secret.json"),
    workerKey: join(home, "etc/worker_key"),
  };
  const program = `import { runAgent } from ${JSON.stringify(new URL("./main.ts", import.meta.url).href)};
    await runAgent(${JSON.stringify(places)});`;
  const entry = join(home, "main.mjs");
  execFileSync("tee", [entry], { input: program, stdio: ["pipe", "ignore", "inherit"] });
  const child = spawn(process.execPath, [entry], {
    env: { ...process.env, PATH: `${join(home, "bin")}:${process.env["PATH"]}` },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  agent = child;
}

async function state(): Promise<AgentState> {
  return JSON.parse(await readFile(join(home, "unit/state.json"), "utf8")) as AgentState;
}

async function told(): Promise<string[]> {
  return (await readFile(join(home, "told"), "utf8").catch(() => "")).split("\n").filter(Boolean);
}

async function memory(key: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${agent?.pid}/status`, "utf8");
  return Number(new RegExp(`^${key}:\\s*(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}

test("a download killed in the middle goes on where it was, and ends published, verified and told", async () => {
  speed = 4_000_000;
  await order({ target, fetch: true });
  start();
  await vi.waitFor(() => expect(served).toBeGreaterThan(3_000_000), PATIENCE);
  const first = agent;
  first?.kill("SIGKILL");
  await once(first as ChildProcess, "exit");
  start();
  await vi.waitFor(async () => {
    expect(await state()).toMatchObject({
      fetch: { step: "published" },
      release: { verified: true },
      fetchProblem: null,
    });
  }, PATIENCE);
  expect(served).toBeLessThanOrEqual(archive.length * 1.1);
  await vi.waitFor(async () => {
    const { acknowledged } = JSON.parse(await readFile(join(home, "unit/orders.json"), "utf8")) as Orders;
    expect(acknowledged).toBe((await state()).sequence);
  }, PATIENCE);
  const lines = await told();
  expect(lines.at(-1)).toBe(`JUJU_DISPATCH_PATH=hooks/wake '${home}/charm/dispatch'`);
  expect(await memory("VmHWM")).toBeLessThan(150);
});

test("keys that ssh-keygen and Concourse's readers take, private files, and no secret told", async () => {
  await order({ workerKey: true, clusterSecret: true });
  start();
  await vi.waitFor(async () => {
    expect(await state()).toMatchObject({ clusterSecretReady: true, workerPublicKey: expect.any(String) as string });
  }, PATIENCE);
  const keyFile = join(home, "etc/worker_key");
  const secretFile = join(home, "unit/new-cluster-secret.json");
  for (const file of [keyFile, secretFile, join(home, "unit/state.json")]) {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }
  const line = execFileSync("ssh-keygen", ["-y", "-f", keyFile], { encoding: "utf8" }).trim();
  expect((await state()).workerPublicKey).toBe(line);
  expect(await readFile(keyFile, "utf8")).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
  expect(execFileSync("ssh-keygen", ["-l", "-f", keyFile], { encoding: "utf8" })).toMatch(/^3072 .*\(RSA\)/);

  const secret = JSON.parse(await readFile(secretFile, "utf8")) as ClusterSecret;
  expect(await bcrypt.compare(secret["admin-password"], secret["admin-password-hash"])).toBe(true);
  expect(bcrypt.getRounds(secret["admin-password-hash"])).toBe(10);
  for (const key of ["session-signing-key", "tsa-host-key"] as const) {
    const copy = join(home, key);
    await writeFile(copy, secret[key], { mode: 0o600 });
    const shown = execFileSync("ssh-keygen", ["-l", "-f", copy], { encoding: "utf8" });
    expect(shown).toMatch(/^4096 .*\(RSA\)/);
    expect(publicLine(secret[key])).toBe(execFileSync("ssh-keygen", ["-y", "-f", copy], { encoding: "utf8" }).trim());
  }
  const shown = stderr + (await told()).join("\n") + (await readFile(join(home, "unit/state.json"), "utf8"));
  for (const value of Object.values(secret)) expect(shown).not.toContain(value);
});

test("SIGTERM in mid-download ends it at once; what was fetched stays", async () => {
  speed = 1_000_000;
  await order({ target, fetch: true });
  start();
  await vi.waitFor(() => expect(served).toBeGreaterThan(1_000_000), PATIENCE);
  agent?.kill("SIGTERM");
  const [code] = (await once(agent as ChildProcess, "exit")) as [number | null];
  expect(code).toBe(0);
  expect(served).toBeLessThan(archive.length);
  const kept = execFileSync("find", [join(home, "store/partial"), "-type", "f", "-size", "+500k"], {
    encoding: "utf8",
  });
  expect(kept).not.toBe("");
});
