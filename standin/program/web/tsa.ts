/** The SSH gateway that workers register through (concourse/concourse, tsa/tsacmd/server.go and remote_cli.go). */

import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { once } from "node:events";
import ssh2, { type AuthContext, type Connection, type Session, type ServerChannel } from "ssh2";
import { parse as parseYaml } from "yaml";
import { parseAuthorizedKeys } from "../keys.ts";
import { Failure } from "../failure.ts";
import { listenFailure } from "../lifecycle.ts";
import type { Log } from "../log.ts";
import type { Settings } from "../settings.ts";
import { ALGORITHMS, privatePem } from "../ssh.ts";
import { keepRegistered } from "./heartbeat.ts";
import type { Worker, Workers } from "./workers.ts";

const MAX_FORWARDS = 2;
const FORWARD_WAIT_MS = 10_000;

interface AuthorizedKey {
  readonly blob: Buffer;
  /** Null: good for workers of any team and for global ones. */
  readonly team: string | null;
}

export class Tsa {
  readonly #settings: Settings;
  readonly #workers: Workers;
  readonly #log: Log;
  readonly #server: ssh2.Server;
  readonly #connections = new Set<Connection>();
  #keys: readonly AuthorizedKey[];

  constructor(settings: Settings, workers: Workers, log: Log) {
    this.#settings = settings;
    this.#workers = workers;
    this.#log = log;
    this.#keys = readKeys(settings);
    if (this.#keys.length === 0) log.info("starting-tsa-without-authorized-keys");
    const hostKey = settings.key("tsa-host-key");
    if (hostKey === null) throw new Error("no host key");
    this.#server = new ssh2.Server({ hostKeys: [privatePem(hostKey)], algorithms: ALGORITHMS }, (connection) =>
      this.#accept(connection),
    );
  }

  /** @throws Failure if the address is taken. */
  async listen(): Promise<void> {
    const [address, port] = [this.#settings.text("tsa-bind-ip"), this.#settings.number("tsa-bind-port")];
    try {
      this.#server.listen(port, address);
      await once(this.#server, "listening");
    } catch (error) {
      const cause = `failed to listen on ${address}:${port}: ${listenFailure(error, address, port).message}`;
      throw new Failure(`Exit trace for group:\ntsa exited with error: ${cause}\natc exited with nil\n`);
    }
    this.#log.info("listening");
  }

  /** What SIGHUP does; connected workers stay. */
  reload(): void {
    this.#log.info("reloading-config");
    try {
      this.#keys = readKeys(this.#settings);
    } catch (error) {
      this.#log.error("failed to reload authorized keys file : %s", error);
    }
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#connections) connection.end();
  }

  #accept(connection: Connection): void {
    let team: string | null = null;
    this.#connections.add(connection);
    // Missing in the types, as the library has it for both sides (ssh2 1.17, lib/server.js).
    (connection as Connection & { setNoDelay: (on: boolean) => void }).setNoDelay(true);
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", (error) => this.#log.info("connection.handshake-failed", { error: error.message }));
    connection.on("authentication", (context) => {
      const key = context.method === "publickey" ? this.#authorized(context) : null;
      if (key === null) return context.reject(["publickey"]);
      ({ team } = key);
      context.accept();
    });
    connection.on("ready", () => new WorkerConnection(connection, team, this.#settings, this.#workers, this.#log));
  }

  #authorized(context: AuthContext & { method: "publickey" }): AuthorizedKey | null {
    const key = this.#keys.find((candidate) => candidate.blob.equals(context.key.data));
    if (key === undefined) return null;
    if (context.signature === undefined || context.blob === undefined) return key;
    const parsed = ssh2.utils.parseKey(context.key.data);
    if (parsed instanceof Error) return null;
    const { verify } = parsed as { verify: (data: Buffer, signature: Buffer, algorithm?: string) => boolean | Error };
    const good = verify.call(parsed, context.blob, context.signature, (context as { hashAlgo?: string }).hashAlgo);
    return good === true ? key : null;
  }
}

function readKeys(settings: Settings): AuthorizedKey[] {
  const global = settings.authorizedKeys("tsa-authorized-keys").map((blob) => ({ blob, team: null }));
  const teams = settings
    .pairs("tsa-team-authorized-keys")
    .flatMap(([team, path]) => parseAuthorizedKeys(readFileSync(path, "utf8")).map((blob) => ({ blob, team })));
  return [...global, ...teams, ...teamFile(settings)];
}

/** A YAML list of `{team, ssh_keys}`. */
function teamFile(settings: Settings): AuthorizedKey[] {
  const path = settings.text("tsa-team-authorized-keys-file");
  if (path === "") return [];
  const entries = parseYaml(readFileSync(path, "utf8")) as { team: string; ssh_keys: string[] }[] | null;
  return (entries ?? []).flatMap(({ team, ssh_keys: lines }) =>
    parseAuthorizedKeys(lines.join("\n")).map((blob) => ({ blob, team })),
  );
}

/** One authenticated connection: its forwarded ports and its commands. */
class WorkerConnection {
  readonly #connection: Connection;
  readonly #team: string | null;
  readonly #settings: Settings;
  readonly #workers: Workers;
  readonly #log: Log;
  readonly #gone = new AbortController();
  /** Local ports by the address the worker asked for. */
  readonly #forwards = new Map<string, TcpServer>();
  #forwarded = Promise.withResolvers<void>();

  constructor(connection: Connection, team: string | null, settings: Settings, workers: Workers, log: Log) {
    this.#connection = connection;
    this.#team = team;
    this.#settings = settings;
    this.#workers = workers;
    this.#log = log;
    connection.on("close", () => this.#end());
    connection.on("request", (accept, reject, name, info) => {
      if (name !== "tcpip-forward" || this.#forwards.size >= MAX_FORWARDS) return reject?.();
      this.#forward(info, accept, reject);
    });
    connection.on("session", (accept) => this.#session(accept()));
  }

  #end(): void {
    this.#gone.abort();
    for (const server of this.#forwards.values()) server.close();
  }

  /** Opens a port on all addresses, as upstream does, and carries its connections to the worker. */
  #forward(
    info: { bindAddr: string; bindPort: number },
    accept: ((port?: number) => void) | undefined,
    reject: (() => void) | undefined,
  ): void {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      const { remoteAddress = "", remotePort = 0 } = socket;
      this.#connection.forwardOut(info.bindAddr, info.bindPort, remoteAddress, remotePort, (error, channel) => {
        if (error !== undefined) return socket.destroy();
        socket.pipe(channel).pipe(socket);
        channel.on("error", () => socket.destroy());
      });
    });
    this.#forwards.set(`${info.bindAddr}:${info.bindPort}`, server);
    server.on("error", () => reject?.());
    server.listen(0, "0.0.0.0", () => {
      accept?.((server.address() as AddressInfo).port);
      if (this.#forwards.size === MAX_FORWARDS) this.#forwarded.resolve();
    });
  }

  #session(session: Session): void {
    const interrupted = new AbortController();
    session.on("signal", (accept: (() => void) | undefined) => {
      accept?.();
      interrupted.abort();
    });
    // ssh2 1.17 ignores requests after the client's EOF, and workers send the signal long after it.
    session.on("eof", () => Object.assign(session, { _ending: false }));
    session.on("exec", (accept, _reject, info) => void this.#exec(accept(), info.command, interrupted));
  }

  /** Exit status 1 for an error, as upstream's; the reason goes to our log only. */
  async #exec(channel: ServerChannel, command: string, interrupted: AbortController): Promise<void> {
    let status = 0;
    try {
      await this.#command(channel, command, AbortSignal.any([interrupted.signal, this.#gone.signal]));
    } catch (error) {
      this.#log.error("connection.channel.exited-with-error", error, { command: command.split(" ")[0] });
      status = 1;
    }
    if (this.#gone.signal.aborted) return;
    channel.exit(status);
    channel.end();
  }

  async #command(channel: ServerChannel, command: string, signal: AbortSignal): Promise<void> {
    const [verb, ...args] = command.split(" ");
    const worker = await readWorker(channel);
    this.#checkTeam(worker);
    switch (verb) {
      case "forward-worker":
        return this.#register(channel, worker, args, signal);
      case "land-worker":
        return found(await this.#workers.land(worker.name));
      case "retire-worker":
        // Upstream's gateway takes "not there" for success here, and only here (tsa/retirer.go).
        await this.#workers.retire(worker.name);
        return undefined;
      case "delete-worker":
        return found(await this.#workers.delete(worker.name));
      case "sweep-containers":
      case "sweep-volumes":
        channel.write("[]");
        return undefined;
      case "report-containers":
      case "report-volumes":
        return undefined;
      default:
        throw new Error(`unknown command: ${verb}`);
    }
  }

  #checkTeam(worker: Worker): void {
    if (this.#team === null || this.#team === worker.team) return;
    const other = worker.team === "" ? "worker is global" : `worker belongs to team ${worker.team}`;
    throw new Error(`key is authorized for team ${this.#team}, but ${other}`);
  }

  async #register(channel: ServerChannel, worker: Worker, args: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.race([this.#forwarded.promise, once(AbortSignal.timeout(FORWARD_WAIT_MS), "abort")]);
    const peer = this.#settings.text("peer-address");
    worker.addr = `${peer}:${this.#port(args, "--garden")}`;
    worker.baggageclaim_url = `http://${peer}:${this.#port(args, "--baggageclaim")}`;
    const parts = {
      workers: this.#workers,
      log: this.#log,
      interval: this.#settings.duration("tsa-heartbeat-interval"),
      event: (event: string) => channel.write(`${JSON.stringify({ event })}\n`),
    };
    await keepRegistered(worker, parts, signal);
  }

  #port(args: readonly string[], flag: string): number {
    const address = args[args.indexOf(flag) + 1] ?? "";
    const server = this.#forwards.get(address);
    if (server === undefined) throw new Error(`${flag.slice(2)} address (${address}) not forwarded`);
    return (server.address() as AddressInfo).port;
  }
}

/** The worker is written to the command's standard input as one JSON value; the end of the input need not follow. */
async function readWorker(channel: ServerChannel): Promise<Worker> {
  const { promise, resolve, reject } = Promise.withResolvers<Worker>();
  let text = "";
  channel.on("data", (piece: Buffer) => {
    text += piece.toString();
    const worker = tryParse(text);
    if (worker !== null) resolve(worker);
  });
  channel.on("end", () => reject(new Error("unexpected end of the worker's description")));
  const defaults = { team: "", tags: null, resource_types: null, active_tasks: 0, ephemeral: false };
  const worker = { ...defaults, ...(await promise) };
  return { ...worker, tags: worker.tags?.filter((tag) => tag !== "") ?? null };
}

function tryParse(text: string): Worker | null {
  try {
    return JSON.parse(text) as Worker;
  } catch {
    return null;
  }
}

function found(outcome: string): void {
  if (outcome === "unknown") throw new Error("bad response: 404");
}
