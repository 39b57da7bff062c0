import { Agent as PlainAgent, request as plain, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as TlsAgent, request as tls } from "node:https";
import type { Http, HttpRequest, HttpResponse } from "../ports.ts";
import { authorities } from "./authorities.ts";
import { proxyFor } from "./proxy.ts";

const REDIRECTS = 5;
const CONNECT_TIMEOUT = 10_000;
const IDLE_TIMEOUT = 30_000;

/** Node's own client: one connection a request, proxies by explicit settings (never by the environment). */
export const hostHttp: Http = {
  async send(request) {
    let url = new URL(request.url);
    let headers = request.headers ?? {};
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      const answer = await once(url, headers, request);
      const location = answer.headers.location;
      if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0)) {
        return respond(answer, url);
      }
      answer.destroy();
      const next = new URL(location, url);
      headers = next.origin === url.origin ? headers : withoutCredentials(headers);
      url = next;
    }
    throw failure("ERR_TOO_MANY_REDIRECTS", `more than ${REDIRECTS} redirects from ${request.url}`);
  },
};

function once(url: URL, headers: Readonly<Record<string, string>>, request: HttpRequest): Promise<IncomingMessage> {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw failure("ERR_INVALID_PROTOCOL", `neither http nor https: ${url.protocol}`);
  }
  const secure = url.protocol === "https:";
  const proxy = request.proxy === undefined ? null : proxyFor(url, request.proxy);
  const settings = {
    keepAlive: false,
    ...(proxy === null ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
  };
  const options: RequestOptions = {
    method: request.method ?? "GET",
    headers,
    agent: secure ? new TlsAgent({ ...settings, ca: authorities() }) : new PlainAgent(settings),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  return new Promise((resolve, reject) => {
    const sent = (secure ? tls : plain)(url, options);
    let answer: IncomingMessage | null = null;
    // Once there is an answer, its reader is the one to be told.
    const late = (what: string) => () => (answer ?? sent).destroy(failure("ETIMEDOUT", `${what} ${url.host}`));
    const connecting = setTimeout(late("no connection to"), request.connectTimeout ?? CONNECT_TIMEOUT);
    const connected = () => clearTimeout(connecting);
    sent.on("socket", (socket) => {
      if (socket.connecting) {
        socket.once(secure ? "secureConnect" : "connect", connected);
      } else {
        connected();
      }
    });
    sent.setTimeout(request.idleTimeout ?? IDLE_TIMEOUT, late("no answer from"));
    sent.on("close", connected);
    sent.on("error", reject);
    sent.on("response", (response) => {
      answer = response;
      resolve(response);
    });
    sent.end(request.body);
  });
}

function respond(answer: IncomingMessage, url: URL): HttpResponse {
  const headers = Object.entries(answer.headersDistinct).map(([name, values]) => [name, (values ?? []).join(", ")]);
  return {
    status: answer.statusCode ?? 0,
    headers: Object.fromEntries(headers) as Record<string, string>,
    url: url.href,
    body: answer,
    cancel: () => answer.destroy(),
  };
}

/** Not for another host than the one they were meant for. */
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())));
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
