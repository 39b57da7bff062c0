/** The HTTP API, as far as a deployment uses it (concourse/concourse, atc/routes.go). */

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import type { Sql } from "../database.ts";
import { Failure } from "../failure.ts";
import { messageOf, type Log } from "../log.ts";
import type { Settings } from "../settings.ts";
import { AT_LEAST_8_3, VERSION, WORKER_VERSION } from "../version.ts";
import type { Auth, Claims } from "./auth.ts";
import { readBody, redirect, send, sendJson } from "./http.ts";
import { Pipelines } from "./pipelines.ts";
import type { Outcome, Workers } from "./workers.ts";
import { loginPage, startPage } from "./pages.ts";

const run = promisify(execFile);
const LARGEST_FLY = 256 * 1024 * 1024;

export interface ApiParts {
  readonly sql: Sql;
  readonly log: Log;
  readonly settings: Settings;
  readonly auth: Auth;
  readonly workers: Workers;
  /** Without a trailing slash. */
  readonly externalUrl: string;
  readonly flyAssets: string;
  readonly mainTeam: readonly string[];
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Named parts of the path. */
  readonly params: Readonly<Record<string, string>>;
}

type Handler = (exchange: Exchange, claims: Claims) => Promise<void> | void;
type Rights = "anyone" | "login" | "admin";
type MakeRoute = (method: string, path: string, rights: Rights, handler: Handler) => Route;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly rights: Rights;
  readonly handler: Handler;
}

const NOBODY: Claims = { sub: "", name: "", user_id: "", email: "" };

export class Api {
  readonly #parts: ApiParts;
  readonly #routes: readonly Route[];

  constructor(parts: ApiParts) {
    this.#parts = parts;
    this.#routes = this.#table();
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      this.#parts.log.error("api.failed", error, { path: request.url });
      if (response.headersSent) response.destroy();
      else send(response, 500, "text/plain; charset=utf-8", "");
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://web");
    const method = request.method === "HEAD" ? "GET" : request.method;
    for (const route of this.#routes) {
      const match = route.pattern.exec(url.pathname);
      if (match === null || route.method !== method) continue;
      const token = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? null;
      const claims = token === null ? null : await this.#verify(token);
      // A token that is not good is refused even where none is needed.
      const needed = route.rights !== "anyone" || token !== null;
      if (needed && claims === null) return send(response, 401, "", "not authorized");
      if (route.rights === "admin" && !this.#isAdmin(claims)) return send(response, 403, "", "forbidden");
      return route.handler({ request, response, url, params: match.groups ?? {} }, claims ?? NOBODY);
    }
    if (url.pathname.startsWith("/api/"))
      return send(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
    send(response, 200, "text/html; charset=utf-8", startPage());
  }

  /** Without its database upstream finds no token good. */
  async #verify(token: string): Promise<Claims | null> {
    try {
      return await this.#parts.auth.verify(token);
    } catch (error) {
      this.#parts.log.error("api.failed-to-verify-token", error);
      return null;
    }
  }

  #isAdmin(claims: Claims | null): boolean {
    return claims !== null && this.#parts.mainTeam.includes(`local:${claims.email}`);
  }

  #table(): Route[] {
    const route: MakeRoute = (method, path, rights, handler) => ({
      method,
      pattern: new RegExp(`^${path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`),
      rights,
      handler,
    });
    const { workers } = this.#parts;
    const worker = (verb: string, rights: Rights, act: (name: string) => Promise<Outcome>) =>
      route("PUT", `/api/v1/workers/:name/${verb}`, rights, (exchange) => this.#worker(exchange, verb, act));
    return [
      route("GET", "/api/v1/info", "anyone", ({ response }) => sendJson(response, 200, this.#info())),
      route("GET", "/api/v1/info/creds", "admin", ({ response }) => sendJson(response, 200, {})),
      route("GET", "/api/v1/user", "login", ({ response }, claims) => sendJson(response, 200, this.#user(claims))),
      route("GET", "/api/v1/teams", "anyone", (exchange, claims) => this.#teams(exchange, claims)),
      ...this.#pipelineRoutes(route),
      route("GET", "/api/v1/wall", "anyone", ({ response }) => sendJson(response, 200, {})),
      route("GET", "/api/v1/log-level", "admin", ({ response }) =>
        send(response, 200, "text/plain; charset=utf-8", this.#parts.settings.text("log-level")),
      ),
      route("GET", "/api/v1/cli", "anyone", (exchange) => this.#cli(exchange)),
      route("GET", "/api/v1/workers", "login", async ({ response }) => sendJson(response, 200, await workers.list())),
      worker("land", "login", (name) => workers.land(name)),
      worker("retire", "login", (name) => workers.retire(name)),
      worker("prune", "login", (name) => workers.prune(name)),
      ...(AT_LEAST_8_3 ? [route("GET", "/api/v1/health", "anyone", (exchange) => this.#health(exchange))] : []),
      route("POST", "/sky/issuer/token", "anyone", (exchange) => this.#token(exchange)),
      route("GET", "/sky/issuer/auth", "anyone", (exchange) => this.#beginLogin(exchange)),
      route("GET", "/sky/issuer/auth/local", "anyone", ({ response }) =>
        send(response, 200, "text/html; charset=utf-8", loginPage()),
      ),
      route("GET", "/sky/login", "anyone", (exchange) => this.#login(exchange)),
      route("GET", "/login", "anyone", ({ response }) => redirect(response, 302, "/sky/login")),
    ];
  }

  #pipelineRoutes(route: MakeRoute): Route[] {
    const pipelines = new Pipelines(this.#parts.sql, this.#parts.log);
    const at = "/api/v1/teams/:team/pipelines/:pipeline";
    const found = (response: ServerResponse, status: number, value: unknown): void =>
      value === null ? send(response, 404, "", "") : sendJson(response, status, value);
    return [
      route("GET", "/api/v1/pipelines", "anyone", async ({ response }) =>
        sendJson(response, 200, await pipelines.list()),
      ),
      route("PUT", `${at}/config`, "login", async ({ request, response, params }) => {
        const saved = await pipelines.save(params["team"] ?? "", params["pipeline"] ?? "", await readBody(request));
        sendJson(response, saved === "created" ? 201 : 200, {});
      }),
      route("PUT", `${at}/unpause`, "login", async ({ response, params }) => {
        const done = await pipelines.unpause(params["team"] ?? "", params["pipeline"] ?? "");
        send(response, done ? 200 : 404, "", "");
      }),
      route("POST", `${at}/resources/:resource/check`, "login", async ({ response, params }) => {
        const { team = "", pipeline = "", resource = "" } = params;
        found(response, 201, await pipelines.check(team, pipeline, resource));
      }),
      route("GET", `${at}/resources/:resource/versions`, "login", async ({ response, params }) => {
        const { team = "", pipeline = "", resource = "" } = params;
        found(response, 200, await pipelines.versions(team, pipeline, resource));
      }),
      route("GET", "/api/v1/builds/:id", "login", async ({ response, params }) =>
        found(response, 200, await pipelines.build(Number(params["id"]))),
      ),
    ];
  }

  #info(): unknown {
    const { settings, externalUrl } = this.#parts;
    const features = ["across_step", "build_rerun", "cache_streamed_volumes", "global_resources", "pipeline_instances"];
    return {
      version: VERSION,
      worker_version: WORKER_VERSION,
      feature_flags: Object.fromEntries(
        [...features, "redact_secrets", "resource_causality"].map((name) => [name, false]),
      ),
      external_url: externalUrl,
      cluster_name: settings.text("cluster-name"),
    };
  }

  #user(claims: Claims): unknown {
    const admin = this.#isAdmin(claims);
    return {
      ...claims,
      user_name: "",
      is_admin: admin,
      is_system: false,
      teams: admin ? { main: ["owner"] } : {},
      connector: "local",
      display_user_id: claims.user_id,
    };
  }

  async #teams({ response }: Exchange, claims: Claims): Promise<void> {
    if (!this.#isAdmin(claims)) return sendJson(response, 200, []);
    const rows = await this.#parts.sql`SELECT id, name, auth FROM teams ORDER BY id`;
    const teams = rows.map((row) => ({
      id: row["id"] as number,
      name: row["name"] as string,
      auth: JSON.parse(row["auth"] as string) as unknown,
    }));
    sendJson(response, 200, teams);
  }

  async #worker(
    { request, response, params }: Exchange,
    verb: string,
    act: (name: string) => Promise<Outcome>,
  ): Promise<void> {
    const name = decodeURIComponent(params["name"] ?? "");
    if (AT_LEAST_8_3 && verb !== "prune" && !(await this.#ofItsTeam(name, request))) return send(response, 400, "", "");
    const outcome = await act(name);
    if (outcome === "refused") return sendJson(response, 400, { stderr: "cannot prune running worker" });
    send(response, outcome === "unknown" ? 404 : 200, "", "");
  }

  /** From 8.3 on land and retire are refused unless the body is a worker of the same team (atc/api/workerserver/land.go). */
  async #ofItsTeam(name: string, request: IncomingMessage): Promise<boolean> {
    const team = teamIn(await readBody(request));
    const worker = (await this.#parts.workers.list()).find((candidate) => candidate.name === name);
    return team !== null && (worker === undefined || worker.team === team);
  }

  async #cli({ response, url }: Exchange): Promise<void> {
    const platform = url.searchParams.get("platform") ?? "";
    const arch = url.searchParams.get("arch") ?? "";
    if (!/^\w+$/.test(platform) || !/^\w+$/.test(arch)) return send(response, 400, "", "");
    const archive = `${this.#parts.flyAssets}/fly-${platform}-${arch}.tgz`;
    try {
      await access(archive);
    } catch {
      const text = `failed to open tgz archive: open ${archive}: no such file or directory\n`;
      return send(response, 500, "text/plain; charset=utf-8", text);
    }
    const options = { encoding: "buffer", maxBuffer: LARGEST_FLY } as const;
    const { stdout } = await run("tar", ["-xzOf", archive, "fly"], options);
    response.setHeader("Content-Disposition", "attachment; filename=fly");
    send(response, 200, "application/octet-stream", stdout);
  }

  /** Since 8.3: failing without database or without enough running workers. */
  async #health({ response }: Exchange): Promise<void> {
    const least = this.#parts.settings.number("health-min-worker-count");
    try {
      const [row] = await this.#parts.sql`SELECT pg_is_in_recovery() AS standby`;
      const workers = await this.#parts.workers.list();
      const running = workers.filter((worker) => worker.state === "running").length;
      const unhealthy = workers.filter((worker) => worker.state !== "running").map((worker) => worker.name);
      const readOnly = row?.["standby"] === true;
      const status = readOnly || running === 0 ? "failing" : running < least ? "degraded" : "ok";
      sendJson(response, status === "failing" ? 503 : 200, {
        status,
        database: readOnly ? { status: "failing", error: "database is read-only" } : { status: "ok" },
        workers: { status, total: workers.length, running, unhealthy_workers: unhealthy },
        components: [],
      });
    } catch (error) {
      sendJson(response, 503, { status: "failing", database: { status: "failing", error: messageOf(error) } });
    }
  }

  async #token({ request, response }: Exchange): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    const { auth } = this.#parts;
    const refuse = (status: number, error: string, description?: string) =>
      sendJson(response, status, { error, ...(description !== undefined && { error_description: description }) });
    if (form.get("grant_type") !== "password") return refuse(400, "unsupported_grant_type");
    const [id = "", secret = ""] = basicCredentials(request.headers.authorization);
    if (auth.clients.get(id) !== secret) return refuse(401, "invalid_client", "Invalid client credentials.");
    if (!(form.get("scope") ?? "").split(" ").includes("openid")) {
      return refuse(400, "invalid_request", 'Missing required scope(s) ["openid"].');
    }
    try {
      const claims = await auth.login(form.get("username") ?? "", form.get("password") ?? "");
      if (claims === null) return refuse(401, "access_denied", "Invalid username or password");
      sendJson(response, 200, await auth.issue(claims));
    } catch (error) {
      if (error instanceof Failure) return refuse(400, "invalid_request", error.message);
      this.#parts.log.error("dex.failed-to-login", error);
      refuse(500, "server_error");
    }
  }

  #login({ response }: Exchange): void {
    const { externalUrl, settings } = this.#parts;
    const query = new URLSearchParams({
      client_id: settings.text("client-id"),
      redirect_uri: `${externalUrl}/sky/callback`,
      response_type: "code",
      scope: "openid profile email federated:id groups",
      state: Buffer.from(JSON.stringify({ redirect_uri: "/" })).toString("base64url"),
    });
    redirect(response, 307, `${externalUrl}/sky/issuer/auth?${query.toString()}`);
  }

  async #beginLogin({ response, url }: Exchange): Promise<void> {
    const query = (name: string) => url.searchParams.get(name) ?? "";
    try {
      const id = await this.#parts.auth.beginRequest(query("client_id"), query("redirect_uri"), query("state"));
      redirect(response, 302, `/sky/issuer/auth/local?req=${id}`);
    } catch (error) {
      this.#parts.log.error("dex.failed-to-create-authorization-request", error);
      send(response, 500, "text/html; charset=utf-8", "Internal Server Error: Database error.\n");
    }
  }
}

/** Null: no JSON; "" for a global worker. */
function teamIn(body: string): string | null {
  try {
    return (JSON.parse(body) as { team?: string }).team ?? "";
  } catch {
    return null;
  }
}

function basicCredentials(header: string | undefined): string[] {
  const encoded = /^basic (.+)$/i.exec(header ?? "")?.[1] ?? "";
  const text = Buffer.from(encoded, "base64").toString();
  const at = text.indexOf(":");
  return at < 0 ? [] : [text.slice(0, at), text.slice(at + 1)].map(decodeURIComponent);
}
