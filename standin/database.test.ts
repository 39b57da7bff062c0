import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleProgram } from "./executable.ts";
import { Cluster } from "./testing/cluster.ts";

const TIMEOUT = 120_000;

let directory: string;
let command: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stand-in-program-"));
  command = [process.execPath, join(directory, "concourse.cjs")];
  await writeFile(command[1] ?? "", await bundleProgram("7.14.3"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test("TLS to the database: each mode checks what it says", { timeout: TIMEOUT }, async () => {
  const cluster = await Cluster.start(command, { "plugin-tls": true });
  try {
    const strangers = await Cluster.start(command, { "plugin-tls": true });
    await cluster.write("stranger.pem", strangers.credentials.ca ?? "");
    await strangers.destroy();
    await cluster.write("ca.pem", cluster.credentials.ca ?? "");
    const refuse = (environment: Readonly<Record<string, string>>) =>
      cluster.refusal(["web"], { ...cluster.webEnvironment(), ...environment });
    const stranger = { CONCOURSE_POSTGRES_CA_CERT: cluster.file("stranger.pem") };
    expect(await refuse({})).toContain("no pg_hba.conf entry");
    expect(await refuse({ CONCOURSE_POSTGRES_SSLMODE: "verify-full" })).toContain("certificate");
    for (const mode of ["require", "verify-ca", "verify-full"]) {
      expect(await refuse({ CONCOURSE_POSTGRES_SSLMODE: mode, ...stranger })).toContain("certificate");
    }
    await cluster.web({ CONCOURSE_POSTGRES_SSLMODE: "require" });
    await cluster.endAll();
    await cluster.web({
      CONCOURSE_POSTGRES_SSLMODE: "verify-full",
      CONCOURSE_POSTGRES_CA_CERT: cluster.file("ca.pem"),
    });
    expect((await cluster.login("admin", "secret")).status).toBe(200);
  } finally {
    await cluster.destroy();
  }
});

test("a user without the owner's role can not migrate", { timeout: TIMEOUT }, async () => {
  const cluster = await Cluster.start(command, { "plugin-login-hook": false });
  try {
    const message = await cluster.refusal(["web"], cluster.webEnvironment());
    expect(message).toContain("permission denied for schema public");
  } finally {
    await cluster.destroy();
  }
});

test("from 8.0 on a start waits for the database", { timeout: TIMEOUT }, async () => {
  const cluster = await Cluster.start(command);
  try {
    const newer = join(directory, "newer.cjs");
    await writeFile(newer, await bundleProgram("8.2.5"));
    cluster.command = [process.execPath, newer];
    await cluster.database.instance.stop();
    const web = cluster.web();
    // It has begun and found nobody.
    await expect(cluster.info()).resolves.toBe(null);
    await cluster.database.instance.start({});
    await web;
    expect(await cluster.info()).toMatchObject({ version: "8.2.5", worker_version: "2.5" });
  } finally {
    await cluster.destroy();
  }
});
