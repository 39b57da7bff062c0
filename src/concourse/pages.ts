/** Small answers of mirrors and of GitHub. */
import type { SourceOrders } from "../agent/contract.ts";
import type { Ports, Proxy } from "../ports.ts";
import { statusProblem } from "../store/answer.ts";
import { errno, networkProblem, unanswered } from "../store/errors.ts";
import { isTransient, NO_ANSWER } from "../store/retry.ts";

const CONNECT_TIMEOUT = 5_000;
const IDLE_TIMEOUT = 8_000;
/** GitHub's answer about a release with all its assets takes some 100 kB. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

export type Web = Pick<Ports, "http" | "clock">;

export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** One small answer. What may pass by itself is thrown here; everything else is for the caller to judge. */
export async function send(ports: Web, orders: SourceOrders, method: "GET" | "HEAD", url: string): Promise<Page> {
  const page = await request(ports, orders, method, url);
  if (isTransient(page.status) || page.status === 407) {
    const failure = { status: page.status, retryAfter: page.headers["retry-after"] ?? null };
    throw unanswered(statusProblem(page.status, url), failure, ports.clock.now());
  }
  return page;
}

export async function request(
  ports: Web,
  orders: SourceOrders,
  method: "GET" | "HEAD",
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  try {
    const response = await ports.http.send({
      method,
      url,
      headers: { "user-agent": "concourse-ci-machine", ...headers },
      proxy: proxyOf(orders),
      connectTimeout: CONNECT_TIMEOUT,
      idleTimeout: IDLE_TIMEOUT,
    });
    return { status: response.status, headers: response.headers, text: await readText(response.body) };
  } catch (error) {
    if (errno(error) === "") {
      throw error;
    }
    throw unanswered(networkProblem(error, url), NO_ANSWER, ports.clock.now(), error);
  }
}

/** The beginning of an answer: what is longer than any we can use says nothing. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size > LONGEST_ANSWER) {
      return "";
    }
  }
  return Buffer.concat(pieces).toString("utf8");
}

export function proxyOf(orders: SourceOrders): Proxy {
  return { http: orders.httpProxy, https: orders.httpsProxy, none: orders.noProxy };
}

/** Of a parsed answer, which may be anything. */
export function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
