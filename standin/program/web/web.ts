/** `concourse web` (concourse/concourse, cmd/concourse/web.go, atc/atccmd/command.go). */

import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as SecureServer } from "node:https";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, migrateDatabase, openDatabase, type Sql } from "../database.ts";
import { Failure } from "../failure.ts";
import { serve, serveSecure, signalled } from "../lifecycle.ts";
import { Log, messageOf } from "../log.ts";
import { WEB_OPTIONS } from "../option-table.ts";
import { readSettings, type Settings } from "../settings.ts";
import { AT_LEAST_8_2 } from "../version.ts";
import { Api } from "./api.ts";
import { Auth, mainTeamUsers } from "./auth.ts";
import { metrics } from "./metrics.ts";
import { Tsa } from "./tsa.ts";
import { Workers } from "./workers.ts";

/** A start takes at least this long, as on a real machine: what waits for a web has something to wait for. */
const START_MS = 1000;
/** The collector runs for the first time after this. */
const FIRST_TICK_MS = 10_000;
/** How long open requests may go on after SIGTERM. */
const DRAIN_MS = 60_000;

export async function runWeb(args: readonly string[]): Promise<void> {
  const started = performance.now();
  const environment = { ...process.env };
  const settings = readSettings(WEB_OPTIONS, args, environment);
  checkTls(settings);
  const log = new Log("atc", settings.text("log-level"));
  log.info("cmd.start", { session: "1" });
  const sql = openDatabase(settings);
  try {
    await connect(sql, settings);
    await migrateDatabase(sql);
    const api = await prepare(sql, settings, environment, log);
    const tsa = new Tsa(settings, new Workers(sql), new Log("tsa", settings.text("tsa-log-level")));
    await delay(Math.max(0, START_MS - (performance.now() - started)));
    await serveUntilStopped(api, tsa, sql, settings, log);
  } finally {
    log.info("cmd.finish", { duration: Math.round((performance.now() - started) * 1e6), session: "1" });
    await sql.end({ timeout: 1 });
  }
}

async function prepare(
  sql: Sql,
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Api> {
  const mainTeam = mainTeamUsers(settings, environment);
  await configureMainTeam(sql, mainTeam);
  const externalUrl = externalUrlOf(settings);
  const key = settings.key("session-signing-key") ?? newKey();
  const auth = new Auth(sql, log, settings, key, `${externalUrl}/sky/issuer`);
  await auth.rewrite(settings, environment);
  const flyAssets = settings.text("cli-artifacts-dir") || join(dirname(dirname(process.execPath)), "fly-assets");
  return new Api({ sql, log, settings, auth, workers: new Workers(sql), externalUrl, flyAssets, mainTeam });
}

/** Membership of the main team is set anew at each start, so that nobody is locked out. */
async function configureMainTeam(sql: Sql, users: readonly string[]): Promise<void> {
  const auth = JSON.stringify({ owner: { groups: [], users } });
  await sql`INSERT INTO teams (name, admin, auth) VALUES ('main', true, ${auth})
    ON CONFLICT (lower(name)) DO UPDATE SET admin = true, auth = excluded.auth`;
}

function externalUrlOf(settings: Settings): string {
  const given = settings.text("external-url").replace(/\/+$/, "");
  return given || `http://127.0.0.1:${settings.text("bind-port")}`;
}

/** Without a key of the operator's, each start has its own. */
function newKey(): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

function checkTls(settings: Settings): void {
  const port = settings.has("tls-bind-port");
  const files = settings.has("tls-cert") && settings.has("tls-key");
  const problems: string[] = [];
  if (!port && (settings.has("tls-cert") || settings.has("tls-key")))
    problems.push("must specify --tls-bind-port to use TLS");
  if (port && !files) problems.push("must specify --tls-cert and --tls-key, or --enable-lets-encrypt to use TLS");
  if (port && files && !settings.text("external-url").startsWith("https:")) {
    problems.push("must specify HTTPS external-url to use TLS");
  }
  if (problems.length === 0) return;
  const list = problems.map((problem) => `\t* ${problem}\n`).join("");
  throw new Failure(`${problems.length} error${problems.length > 1 ? "s" : ""} occurred:\n${list}\n`);
}

async function serveUntilStopped(api: Api, tsa: Tsa, sql: Sql, settings: Settings, log: Log): Promise<void> {
  const handler = (request: IncomingMessage, response: ServerResponse) => void api.handle(request, response);
  const address = settings.text("bind-ip");
  const components = await startComponents(sql, settings, log);
  const servers: Server[] = [
    await member("web", serve(address, settings.number("bind-port"), handler)),
    await member("debug", serve(settings.text("debug-bind-ip"), settings.number("debug-bind-port"), debugPage)),
  ];
  if (settings.text("prometheus-bind-ip") !== "" && settings.text("prometheus-bind-port") !== "") {
    const page = metrics(new Workers(sql));
    servers.push(await serve(settings.text("prometheus-bind-ip"), settings.number("prometheus-bind-port"), page));
  }
  const secure = await member("web-tls", startSecure(settings, handler));
  await tsa.listen();
  process.on("SIGHUP", () => {
    tsa.reload();
    // Since 8.2 a reload takes up a new certificate too.
    if (AT_LEAST_8_2 && secure !== null) secure.setSecureContext(tlsFiles(settings));
  });
  log.info("listening", { http: `${address}:${settings.text("bind-port")}` });
  const timers = [components, startCollector(new Workers(sql), settings, log)];

  await signalled("SIGTERM", "SIGINT");
  for (const timer of timers) clearInterval(timer);
  tsa.close();
  await Promise.all([...servers, ...(secure === null ? [] : [secure])].map(stop));
}

/** A server that cannot listen ends the process with upstream's report of the group it belonged to. */
async function member<T>(name: string, server: Promise<T>): Promise<T> {
  try {
    return await server;
  } catch (error) {
    const group = `Exit trace for group:\n${name} exited with error: ${messageOf(error)}\n`;
    throw new Failure(`Exit trace for group:\natc exited with error: ${group}\ntsa exited with nil\n`);
  }
}

const tlsFiles = (settings: Settings) => ({
  cert: readFileSync(settings.text("tls-cert")),
  key: readFileSync(settings.text("tls-key")),
});

async function startSecure(
  settings: Settings,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<SecureServer | null> {
  if (!settings.has("tls-bind-port")) return null;
  return serveSecure(settings.text("bind-ip"), settings.number("tls-bind-port"), tlsFiles(settings), handler);
}

function debugPage(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "text/plain" });
  response.end("404 page not found\n");
}

function startCollector(workers: Workers, settings: Settings, log: Log): NodeJS.Timeout {
  const interval = settings.duration("gc-interval");
  const stalledTimeout = settings.has("stalled-worker-timeout") ? settings.duration("stalled-worker-timeout") : 0;
  const tick = () =>
    void workers.collect(stalledTimeout).catch((error: unknown) => log.error("worker-collector.tick.failed", error));
  setTimeout(tick, Math.min(FIRST_TICK_MS, interval)).unref();
  return setInterval(tick, interval);
}

/** What starts and follows builds has nothing to do here, and notes when it did (atc/component/coordinator.go). */
async function startComponents(sql: Sql, settings: Settings, log: Log): Promise<NodeJS.Timeout> {
  const intervals: Readonly<Record<string, string>> = {
    scheduler: "10s",
    scanner: settings.text("lidar-scanner-interval"),
    tracker: settings.text("build-tracker-interval"),
  };
  for (const [name, interval] of Object.entries(intervals)) {
    await sql`INSERT INTO components (name, interval) VALUES (${name}, ${interval})
      ON CONFLICT (name) DO UPDATE SET interval = excluded.interval`;
  }
  const tick = () =>
    void sql`UPDATE components SET last_ran = now() WHERE name IN ('scheduler', 'scanner', 'tracker') AND NOT paused`.catch(
      (error: unknown) => log.error("components.tick.failed-to-update-last-ran", error),
    );
  return setInterval(tick, settings.duration("component-runner-interval"));
}

/** Lets open requests finish, but not for ever. */
async function stop(server: Server | SecureServer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const limit = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await promise;
  clearTimeout(limit);
}
