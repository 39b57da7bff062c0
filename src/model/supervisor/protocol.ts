/**
 * How the tool talks to a model's supervisor: one JSON line with the request, then JSON lines back, the last of which is
 * a result or an error. One request a connection.
 */

import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { UserError } from "../../errors.ts";

export interface Request {
  readonly verb: string;
  readonly params: unknown;
}

export type Answer =
  | { readonly kind: "event"; readonly event: unknown }
  | { readonly kind: "result"; readonly value: unknown }
  | { readonly kind: "error"; readonly message: string; readonly exit: 1 | 2 };

/** An error of the model, worded as Juju words it: the tool prints `ERROR <message>` and ends with exit code 1. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

export interface Call {
  readonly verb: string;
  readonly params: unknown;
  readonly send: (event: unknown) => void;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

function exitCodeOf(error: unknown): 1 | 2 {
  return error instanceof UserError ? 2 : 1;
}

async function serve(socket: Socket, handle: (call: Call) => Promise<unknown>): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  socket.on("error", () => gone.abort());
  const lines = createInterface({ input: socket });
  const [line] = (await once(lines, "line")) as [string];
  const write = (answer: Answer): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
  };
  try {
    const { verb, params } = JSON.parse(line) as Request;
    const send = (event: unknown): void => write({ kind: "event", event });
    write({ kind: "result", value: (await handle({ verb, params, send, signal: gone.signal })) ?? null });
  } catch (error) {
    write({ kind: "error", message: (error as Error).message, exit: exitCodeOf(error) });
  }
  socket.end();
}

export async function startRequestServer(path: string, handle: (call: Call) => Promise<unknown>): Promise<Server> {
  const server = createServer((socket) => {
    serve(socket, handle).catch(() => socket.destroy());
  });
  server.listen(path);
  await once(server, "listening");
  return server;
}

/** Thrown by `request` when nobody listens on the socket. */
export class NotRunningError extends Error {
  override readonly name = "NotRunningError";
}

/**
 * One request. `onEvent` gets what is sent before the result.
 * @throws NotRunningError if there is no supervisor; UserError and ModelError as the supervisor sent them.
 */
export async function request(
  path: string,
  verb: string,
  params: unknown,
  onEvent: (event: unknown) => void = () => {},
  signal?: AbortSignal,
): Promise<unknown> {
  const socket = createConnection(path);
  await connected(socket);
  const lines = createInterface({ input: socket });
  // A destroyed socket has no end that the lines would see.
  const hangUp = (): void => {
    lines.close();
    socket.destroy();
  };
  signal?.addEventListener("abort", hangUp, { once: true });
  socket.write(`${JSON.stringify({ verb, params } satisfies Request)}\n`);
  for await (const line of lines) {
    const answer = JSON.parse(line) as Answer;
    if (answer.kind === "event") onEvent(answer.event);
    else if (answer.kind === "result") return answer.value;
    else throw answer.exit === 2 ? new UserError(answer.message) : new ModelError(answer.message);
  }
  signal?.throwIfAborted();
  throw new NotRunningError("the model's supervisor ended before it answered");
}

async function connected(socket: Socket): Promise<void> {
  try {
    await once(socket, "connect");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") throw new NotRunningError("no supervisor is running");
    throw error;
  }
}
