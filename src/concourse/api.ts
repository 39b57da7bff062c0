/**
 * The little of Concourse's HTTP API that a deployment needs: is the web there, does its database answer, which workers
 * are registered. Shapes as of Concourse 7.14.3 to 8.3 (`atc/routes.go`, `skymarshal/token/access_token.go`,
 * `fly/commands/login.go`).
 */
import type { Http, HttpResponse } from "../ports.ts";

/** The web answered, but not with what was asked for. The message holds no credentials. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status, or 0 when the answer could not be understood. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

export interface ApiInfo {
  /** `7.14.3` */
  readonly version: string;
  /** The wire version workers are compared with (`versions.go`), null if the web does not tell. */
  readonly workerVersion: string | null;
}

export interface ApiWorker {
  readonly name: string;
  /** running, stalled, landing, landed, retiring (`atc/db/worker.go`). */
  readonly state: string;
  readonly version: string | null;
  /** When its process began, by its own clock, in seconds since 1970: of the last registration (`atc/worker.go`). */
  readonly since: number | null;
}

/** Answers bigger than this are no answer of a Concourse: 4 MiB hold some thousand workers. */
export const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;

// The public client that fly uses; the secret is part of Concourse's source (`fly/commands/login.go`).
const FLY_CLIENT = `Basic ${Buffer.from("fly:Zmx5").toString("base64")}`;
const SCOPE = "openid profile email federated:id groups";

export interface Api {
  readonly http: Http;
  /** Base URL without a trailing slash: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Ends the exchange: it is the caller who bounds its time. */
  readonly signal: AbortSignal;
}

/**
 * `GET /api/v1/info`: unauthenticated and without the database, so it only shows that the web is alive.
 * @throws ApiError for an answer that is not Concourse's; the port's error when there is none.
 */
export async function readInfo(api: Api): Promise<ApiInfo> {
  const path = "/api/v1/info";
  const info = asObject(await get(api, path, {}), path);
  if (typeof info["version"] !== "string") throw new ApiError(`${path} names no version`, 0);
  return { version: info["version"], workerVersion: textOrNull(info["worker_version"]) };
}

/**
 * A bearer token for a local user, by the password grant. It is opaque, kept in the database, and valid on every web.
 * @throws ApiError with status 400 or 401 for a refused login.
 */
export async function logIn(api: Api, user: { readonly username: string; readonly password: string }): Promise<string> {
  const path = "/sky/issuer/token";
  const { username, password } = user;
  const response = await api.http.send({
    method: "POST",
    url: api.url + path,
    headers: { authorization: FLY_CLIENT, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ grant_type: "password", username, password, scope: SCOPE }).toString(),
    signal: api.signal,
  });
  const token = asObject(await readAnswer(response, path), path)["access_token"];
  if (typeof token !== "string" || token === "") throw new ApiError(`${path} gave no token`, 0);
  return token;
}

/**
 * `GET /api/v1/workers`, sorted by name. It reads the database, so an answer proves that this is there too.
 * @throws ApiError with status 401 when the token is no longer good.
 */
export async function listWorkers(api: Api, token: string): Promise<readonly ApiWorker[]> {
  const path = "/api/v1/workers";
  const list = await get(api, path, { authorization: `Bearer ${token}` });
  // Go writes a list that was never filled as null.
  if (list === null) return [];
  if (!Array.isArray(list)) throw new ApiError(`${path} is not a list`, 0);
  return list.flatMap(readWorker).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * `GET /api/v1/pipelines` without a token, which lists those that are exposed: few bytes, by the tables that every pipeline
 * needs. A schema that changed under the web makes it answer 500, while workers are listed (seen with 7.14.3).
 * @throws ApiError for any other answer than 200.
 */
export async function askPipelines(api: Api): Promise<void> {
  const path = "/api/v1/pipelines";
  const response = await api.http.send({ url: api.url + path, headers: {}, signal: api.signal });
  response.cancel();
  if (response.status !== 200) throw new ApiError(`${path} answered ${response.status}`, response.status);
}

function readWorker(item: unknown): ApiWorker[] {
  if (!isObject(item) || typeof item["name"] !== "string" || typeof item["state"] !== "string") return [];
  const since = typeof item["start_time"] === "number" ? item["start_time"] : null;
  return [{ name: item["name"], state: item["state"], version: textOrNull(item["version"]), since }];
}

async function get(api: Api, path: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  return readAnswer(await api.http.send({ url: api.url + path, headers, signal: api.signal }), path);
}

async function readAnswer(response: HttpResponse, path: string): Promise<unknown> {
  if (response.status !== 200) {
    response.cancel();
    throw new ApiError(`${path} answered ${response.status}`, response.status);
  }
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body) {
    size += piece.length;
    if (size > LARGEST_ANSWER_BYTES) throw new ApiError(`${path} answered with more than 4 MiB`, 0);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw new ApiError(`${path} is not JSON`, 0);
  }
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new ApiError(`${path} is not an object`, 0);
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
