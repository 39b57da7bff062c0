/**
 * The server that hook commands and `juju-exec` of all units talk to, on the bridge address: the part of Juju's
 * `agent.socket` and `run.socket` (Juju 3.6, internal/worker/uniter/runner/jujuc/server.go). Framing: `unit-client.ts`.
 */

import { createServer, type Server, type Socket } from "node:net";

export interface HookReply {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Ask again with standard input. */
  readonly needsStdin?: boolean;
}

export interface ToolCall {
  readonly contextId: string;
  readonly cwd: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: string | null;
}

export interface ExecCall {
  /** Address of the machine it comes from. */
  readonly peer: string;
  /** Context of the hook it was called in; empty outside hooks. */
  readonly contextId: string;
  readonly args: readonly string[];
  readonly stdin: string | null;
}

export interface HookHandlers {
  tool(call: ToolCall): HookReply;
  exec(call: ExecCall): Promise<HookReply>;
}

/** A complete request, or null while fields are missing. */
type Parsed = { readonly kind: "tool" | "exec"; readonly head: readonly string[]; readonly args: readonly string[] };

const HEAD_FIELDS = { tool: 4, exec: 2 } as const;

/** Splits NUL-terminated fields; the last piece, which has no terminator yet, is left out. */
function fieldsOf(bytes: Buffer): string[] {
  return bytes.toString("utf8").split("\0").slice(0, -1);
}

export function parseRequest(fields: readonly string[]): (Parsed & { readonly used: number }) | null {
  const kind = fields[0];
  if (kind === undefined) return null;
  if (kind !== "tool" && kind !== "exec") throw new Error(`unknown request ${JSON.stringify(kind)}`);
  const headEnd = HEAD_FIELDS[kind];
  const countText = fields[headEnd];
  if (countText === undefined) return null;
  const count = Number(countText);
  if (!Number.isSafeInteger(count) || count < 0)
    throw new Error(`bad number of arguments ${JSON.stringify(countText)}`);
  const used = headEnd + 1 + count;
  if (fields.length < used) return null;
  return { kind, head: fields.slice(1, headEnd), args: fields.slice(headEnd + 1, used), used };
}

function encode(reply: HookReply): Buffer {
  const out = Buffer.from(reply.stdout);
  const err = Buffer.from(reply.stderr);
  return Buffer.concat([Buffer.from(`${reply.code} ${out.length} ${err.length}\n`), out, err]);
}

async function serve(socket: Socket, handlers: HookHandlers): Promise<void> {
  let received = Buffer.alloc(0);
  let request: (Parsed & { readonly used: number }) | null = null;
  let stdinWanted = false;
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    const fields = fieldsOf(received);
    request ??= parseRequest(fields);
    if (request === null) continue;
    const stdin = fields[request.used] ?? null;
    if (stdinWanted && stdin === null) continue;
    const reply = await answer(request, stdin, socket.remoteAddress ?? "", handlers);
    if (reply.needsStdin === true && stdin === null) {
      stdinWanted = true;
      socket.write("stdin 0 0\n");
      continue;
    }
    socket.end(encode(reply));
    return;
  }
}

function answer(
  request: Parsed,
  stdin: string | null,
  peer: string,
  handlers: HookHandlers,
): HookReply | Promise<HookReply> {
  const [contextId = "", cwd = "", command = ""] = request.head;
  return request.kind === "tool"
    ? handlers.tool({ contextId, cwd, command, args: request.args, stdin })
    : handlers.exec({ peer, contextId, args: request.args, stdin });
}

/** Listens on `address:port`; a request that cannot be understood closes its connection and nothing else. */
export async function startHookServer(
  address: string,
  port: number,
  handlers: HookHandlers,
  onError: (error: unknown) => void,
): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    serve(socket, handlers).catch((error: unknown) => {
      socket.destroy();
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") onError(error);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return server;
}
