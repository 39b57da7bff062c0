/** A worker's connections to the SSH gateways (concourse/concourse, tsa/client.go). */

import { createConnection, type Socket } from "node:net";
import { once } from "node:events";
import ssh2, { type ClientChannel } from "ssh2";
import type { KeyObject } from "node:crypto";
import { messageOf, type Log } from "../log.ts";
import { ALGORITHMS, BAGGAGECLAIM, FORWARD_COMMAND, GARDEN, privatePem } from "../ssh.ts";

export interface TsaTarget {
  readonly hosts: readonly string[];
  /** SSH wire blobs; the gateway must show one of them. */
  readonly hostKeys: readonly Buffer[];
  readonly privateKey: KeyObject;
}

/** Every host refused the connection. */
export class Unreachable extends Error {
  constructor() {
    super("all worker SSH gateways unreachable");
  }
}

/** The gateway ended the command with a status other than 0. */
export class CommandFailed extends Error {}

const DIAL_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
const KEEP_ALIVE_MISSES = 60;

export class TsaClient {
  readonly #target: TsaTarget;
  readonly #log: Log;

  constructor(target: TsaTarget, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  /** Runs a command that takes the worker as JSON, on a connection of its own; returns what it printed. */
  async run(command: string, worker: object): Promise<string> {
    const client = await this.#dial();
    try {
      const channel = await exec(client, command);
      let text = "";
      channel.on("data", (piece: Buffer) => (text += piece.toString()));
      channel.end(JSON.stringify(worker));
      await finished(client, channel);
      return text;
    } finally {
      client.end();
    }
  }

  /**
   * Registers the worker and forwards its two servers. Resolves when the gateway ends the registration (landed,
   * retired, pruned) or after `signal`; rejects when the connection is lost.
   */
  async register(
    worker: object,
    local: { readonly garden: number; readonly baggageclaim: number },
    onEvent: (event: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const client = await this.#dial();
    try {
      client.on("tcp connection", (info, accept) => {
        const port = info.destPort === GARDEN.port ? local.garden : local.baggageclaim;
        const channel = accept();
        const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
        socket.on("error", () => channel.destroy());
        channel.on("error", () => socket.destroy());
        channel.pipe(socket).pipe(channel);
      });
      await forward(client, GARDEN);
      await forward(client, BAGGAGECLAIM);
      const channel = await exec(client, FORWARD_COMMAND);
      readEvents(channel, onEvent);
      // Left open: ssh2 sends no signal on a channel that has been ended.
      channel.write(JSON.stringify(worker));
      const interrupt = () => channel.signal("INT");
      signal.addEventListener("abort", interrupt, { once: true });
      if (signal.aborted) interrupt();
      await finished(client, channel);
    } finally {
      client.end();
    }
  }

  /** Connects to the hosts in random order; the first that takes the connection is the one. */
  async #dial(): Promise<ssh2.Client> {
    const socket = await this.#connect();
    const client = new ssh2.Client();
    const ready = Promise.withResolvers<void>();
    client.on("ready", ready.resolve).on("error", ready.reject);
    client.on("close", () => ready.reject(new Error("connection closed")));
    client.connect({
      sock: socket,
      username: "beacon",
      privateKey: privatePem(this.#target.privateKey),
      algorithms: ALGORITHMS,
      hostVerifier: (key: Buffer) => this.#target.hostKeys.some((known) => known.equals(key)),
      keepaliveInterval: KEEP_ALIVE_MS,
      keepaliveCountMax: KEEP_ALIVE_MISSES,
    });
    try {
      await ready.promise;
    } catch (error) {
      client.end();
      throw new Error(`failed to establish SSH connection with gateway: ssh: handshake failed: ${reason(error)}`, {
        cause: error,
      });
    }
    return client;
  }

  async #connect(): Promise<Socket> {
    for (const host of shuffled(this.#target.hosts)) {
      const at = host.lastIndexOf(":");
      const [name, port] = [host.slice(0, at).replace(/^\[|\]$/g, ""), Number(host.slice(at + 1))];
      // As Go does everywhere: ssh2 writes a packet in three pieces, which would wait for each other's acknowledgement.
      const socket = createConnection({ host: name, port, noDelay: true });
      try {
        await once(socket, "connect", { signal: AbortSignal.timeout(DIAL_MS) });
        return socket;
      } catch (error) {
        socket.destroy();
        this.#log.error("beacon-runner.beacon.failed-to-connect-to-tsa", `dial tcp ${host}: ${messageOf(error)}`);
      }
    }
    throw new Unreachable();
  }
}

/** ssh2's words for the two usual refusals, in the words of Go's client. */
function reason(error: unknown): string {
  const text = messageOf(error);
  if (text.includes("Host denied")) return "remote host public key mismatch";
  if (text.includes("authentication methods failed")) {
    return "ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain";
  }
  return text;
}

function shuffled(hosts: readonly string[]): string[] {
  return hosts
    .map((host) => ({ host, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ host }) => host);
}

function forward(client: ssh2.Client, at: { readonly address: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    client.forwardIn(at.address, at.port, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

function exec(client: ssh2.Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
}

/** Resolves on exit status 0. */
async function finished(client: ssh2.Client, channel: ClientChannel): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let status: number | null = null;
  channel.on("exit", (code: number | null) => (status = code));
  channel.on("close", () => {
    if (status === 0) resolve();
    else if (status === null) reject(new Error("wait: remote command exited without exit status or exit signal"));
    else reject(new CommandFailed(`Process exited with status ${status}`));
  });
  client.on("error", reject).on("close", () => reject(new Error("connection lost")));
  channel.resume();
  await promise;
}

/** One JSON object a line. */
function readEvents(channel: ClientChannel, onEvent: (event: string) => void): void {
  let rest = "";
  channel.on("data", (piece: Buffer) => {
    const lines = (rest + piece.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onEvent((JSON.parse(line) as { event: string }).event);
  });
}
