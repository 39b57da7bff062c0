import { createReadStream, type PathLike } from "node:fs";
import { stat } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

/** The daemon's project that holds everything of ours: nothing outside it is ever touched. */
export const project = "concourse-machine";

/** What the daemon said no to. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";
  /** HTTP status, or the status of the operation. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** Incus 6.0, doc/rest-api.md: every answer is one of these. */
interface Answer {
  readonly type: "sync" | "async" | "error";
  readonly operation: string;
  readonly error: string;
  readonly error_code: number;
  readonly metadata: unknown;
}

interface Operation {
  readonly status_code: number;
  readonly err: string;
  readonly metadata: unknown;
}

/** What a request carries: a value as JSON, a text as it is, or a file of the host. */
type Body = { readonly json: unknown } | { readonly text: string } | { readonly file: PathLike };

/** The REST API of Incus and LXD over a socket of this host, in the project of ours. */
export class Daemon {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  /** @throws DaemonError, and the socket's own errors (ENOENT, ECONNREFUSED) where no daemon answers. */
  async get<T>(path: string): Promise<T> {
    return (await this.answer("GET", path)).metadata as T;
  }

  /** The same; null for what is not there. */
  async find<T>(path: string): Promise<T | null> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof DaemonError && error.code === 404) return null;
      throw error;
    }
  }

  /** Changes something, and waits until that is done. Resolves with what the operation gives. */
  async change<T>(
    method: "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body: Body | null = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const answer = await this.answer(method, path, body, headers);
    return (answer.type === "async" ? await this.finished(answer.operation) : answer.metadata) as T;
  }

  /** Waits for an operation, whoever began it; `path` is its path in the API. */
  async finished(path: string): Promise<unknown> {
    const { status_code: code, err, metadata } = await this.get<Operation>(`${path}/wait`);
    if (code >= 400) throw new DaemonError(err, code);
    return metadata;
  }

  private async answer(
    method: string,
    path: string,
    body: Body | null = null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await this.send(method, path, body, headers);
    const answer = JSON.parse(await text(response)) as Answer;
    if (answer.type === "error") throw new DaemonError(answer.error, answer.error_code);
    return answer;
  }

  private async send(
    method: string,
    path: string,
    body: Body | null,
    headers: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    const full = `${path}${path.includes("?") ? "&" : "?"}project=${project}`;
    const response = Promise.withResolvers<IncomingMessage>();
    const length = body !== null && "file" in body ? { "Content-Length": (await stat(body.file)).size } : {};
    const options = { socketPath: this.socket, method, path: full, headers: { ...length, ...headers } };
    const request = httpRequest(options, response.resolve).on("error", response.reject);
    if (body !== null && "file" in body) await pipeline(createReadStream(body.file), request);
    else request.end(body === null ? undefined : "json" in body ? JSON.stringify(body.json) : body.text);
    return response.promise;
  }
}
