/**
 * The application `postgresql`, played with a real PostgreSQL 16: the provider's side of `postgresql_client` and the
 * privileges of Charmed PostgreSQL 16, without its replication, backups and pooling. Names of endpoint, option and
 * actions from postgresql-operator 16/edge (metadata.yaml, config.yaml, actions.yaml); what is only for trying faults is
 * marked so in its description.
 */

import type { Plugin, PluginHost, PluginInstance, PluginRelation } from "../../contract.ts";
import { UserError } from "../../../errors.ts";
import { answer } from "./answer.ts";
import { newPassword, PasswordFile } from "./passwords.ts";
import {
  createDatabase,
  createUser,
  disown,
  dropUser,
  isDatabaseName,
  listDatabases,
  listUsers,
  setUpDatabase,
  setUpInstance,
  userOf,
} from "./roles.ts";
import { Server } from "./server.ts";

const ENDPOINT = "database";
const PORT = 5432;
const DEFAULT_MAX_CONNECTIONS = 100;
/** Milliseconds between two starts of a server that ends by itself: at first, and at most. */
const AGAIN_MS = 1_000;
const AGAIN_MOST_MS = 30_000;
/** It runs so long before an end counts as the first again. */
const LASTED_MS = 60_000;
/** Nothing listens there, in a unit or here; and no packet leaves. */
const DEAD_HOST = "127.0.0.2";

type Seen = "gone" | "silent" | "answers";
type Config = Readonly<Record<string, string | number | boolean>>;
type Params = Readonly<Record<string, unknown>>;

export const postgresql: Plugin = {
  charm: "postgresql",
  channels: ["16/stable", "16/candidate", "16/beta", "16/edge"],
  endpoints: { [ENDPOINT]: { role: "provides", interface: "postgresql_client" } },
  options: {
    "experimental-max-connections": { type: "int", description: "Value of max_connections; 100 unless set." },
    "plugin-tls": {
      type: "boolean",
      default: false,
      description: "Local model only: TLS with a CA of its own, and no connections without it.",
    },
    "plugin-extra-endpoints": {
      type: "string",
      default: "none",
      description: "Local model only: `dead` tells a standby that never answers before the primary.",
    },
    "plugin-login-hook": {
      type: "boolean",
      default: true,
      description: "Local model only: false makes new users whose sessions do not start as the database's owner.",
    },
    "plugin-awkward-passwords": {
      type: "boolean",
      default: false,
      description: "Local model only: new passwords hold characters that a URI must encode.",
    },
  },
  create: (host) => new PostgresqlInstance(host, PORT),
};

/** `port`: 5432, except where tests share one network. */
export class PostgresqlInstance implements PluginInstance {
  readonly #host: PluginHost;
  readonly #port: number;
  readonly #server: Server;
  readonly #passwords: PasswordFile;
  #config: Config = {};
  #turn: Promise<unknown> = Promise.resolve();
  /** Turns that are not over. */
  #turns = 0;
  /** The server is to run: it was started, and not stopped since. */
  #wanted = false;
  /** What was last seen of it. */
  #seen: Seen = "gone";
  #startedAt = 0;
  #pause = AGAIN_MS;

  constructor(host: PluginHost, port: number) {
    this.#host = host;
    this.#port = port;
    this.#server = new Server(host.directory, host.enter);
    this.#passwords = new PasswordFile(host.directory);
  }

  readonly actions: PluginInstance["actions"] = {
    "get-primary": async () => ({ primary: this.#host.unit }),
    pause: () => this.#inTurn(() => this.#server.pause()),
    resume: () => this.#inTurn(() => this.#server.resume()),
    "stop-server": () =>
      this.#inTurn(async () => {
        this.#wanted = false;
        await this.#server.stop();
      }),
    "start-server": () => this.#inTurn(() => this.#startServer()),
    "rotate-password": (params) => this.#inTurn(() => this.#rotate(params)),
  };

  async start(config: Config): Promise<void> {
    this.#config = config;
    await this.#inTurn(() => this.#startServer());
  }

  async reconcile(): Promise<void> {
    await this.#inTurn(async () => undefined);
  }

  async look(): Promise<void> {
    if (this.#turns > 0) return;
    const seen = await this.#look();
    const isLost = seen === "gone" && this.#wanted;
    if (isLost && performance.now() - this.#startedAt >= this.#pause) await this.#inTurn(() => this.#startAgain());
    else if (seen !== this.#seen) await this.#inTurn(async () => undefined);
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#inTurn(() => this.#server.stop());
  }

  async destroy(): Promise<void> {
    this.#wanted = false;
    await this.#turn;
    await this.#server.destroy();
    await this.#passwords.remove();
  }

  /** One thing at a time; whatever it was, the relations and the status are brought up to date after it. */
  async #inTurn(work: () => Promise<void>): Promise<Record<string, string>> {
    this.#turns += 1;
    const mine = this.#next(this.#turn, work).finally(() => (this.#turns -= 1));
    this.#turn = mine.catch(() => undefined);
    await mine;
    return {};
  }

  async #next(before: Promise<unknown>, work: () => Promise<void>): Promise<void> {
    await before;
    await work();
    this.#seen = await this.#look();
    await this.#reconcile();
  }

  async #look(): Promise<Seen> {
    if ((await this.#server.pid()) === null) return "gone";
    return (await this.#server.answers()) ? "answers" : "silent";
  }

  /** The server ended, and nobody asked it to. */
  async #startAgain(): Promise<void> {
    if (!this.#wanted || (await this.#server.pid()) !== null) return;
    const lasted = performance.now() - this.#startedAt >= LASTED_MS;
    this.#pause = lasted ? AGAIN_MS : Math.min(this.#pause * 2, AGAIN_MOST_MS);
    this.#host.log("WARNING", "PostgreSQL has ended by itself: starting it again");
    await this.#startServer();
  }

  async #startServer(): Promise<void> {
    this.#wanted = true;
    this.#startedAt = performance.now();
    const limit = Number(this.#config["experimental-max-connections"] ?? DEFAULT_MAX_CONNECTIONS);
    const settings = { address: this.#host.address, port: this.#port, tls: this.#tls, maxConnections: limit };
    if ((await this.#server.pid()) === null) this.#host.setStatus("maintenance", "Starting PostgreSQL");
    try {
      await this.#server.start(settings);
      if (!(await this.#server.answers())) return;
      await this.#server.with("postgres", setUpInstance);
    } catch (error) {
      this.#host.setStatus("blocked", "PostgreSQL does not start: see debug-log");
      throw error;
    }
    this.#host.setVersion(await this.#version());
    this.#host.openPort(`${this.#port}/tcp`);
  }

  async #reconcile(): Promise<void> {
    if (!(await this.#server.answers())) {
      const stopped = (await this.#server.pid()) === null;
      if (stopped && this.#wanted) this.#host.setStatus("maintenance", "PostgreSQL has ended: starting it again");
      else this.#host.setStatus("blocked", stopped ? "Stopped: run action start-server" : "Paused: run action resume");
      return;
    }
    const relations = this.#host.relations(ENDPOINT);
    await this.#dropUsers(new Set(relations.map(({ id }) => userOf(id))));
    const refused = relations.filter((relation) => !isDatabaseName(relation.remoteAppData()["database"] ?? ""));
    for (const relation of relations.filter((one) => !refused.includes(one))) await this.#serve(relation);
    if (refused.length > 0) this.#host.setStatus("blocked", "invalid database name");
    else this.#host.setStatus("active", `Primary - port ${this.#port}`);
  }

  async #serve(relation: PluginRelation): Promise<void> {
    const remote = relation.remoteAppData();
    const database = remote["database"];
    if (!database) return;
    const user = userOf(relation.id);
    const password = await this.#passwordOf(user);
    await this.#server.with("postgres", (sql) => createDatabase(sql, database));
    await this.#server.with(database, (sql) => setUpDatabase(sql, database));
    const hook = this.#config["plugin-login-hook"] !== false;
    await this.#server.with("postgres", (sql) => createUser(sql, { user, password, database }, hook));
    const primary = `${this.#host.address}:${this.#port}`;
    const dead = this.#config["plugin-extra-endpoints"] === "dead" ? [`${DEAD_HOST}:${this.#port}`] : [];
    const { bag, secrets } = answer(
      { endpoint: ENDPOINT, relationId: relation.id, remote },
      {
        user,
        password,
        database,
        version: await this.#version(),
        endpoints: [...dead, primary],
        readOnlyEndpoints: [primary],
        ca: this.#tls ? await this.#server.ca() : null,
      },
    );
    const uris = secrets.map(({ key, label, content }) => [key, relation.secret(label, content)] as const);
    const told = relation.appData();
    const news = Object.entries({ ...bag, ...Object.fromEntries(uris) }).filter(([key, value]) => told[key] !== value);
    if (news.length > 0) relation.setAppData(Object.fromEntries(news));
  }

  async #dropUsers(wanted: ReadonlySet<string>): Promise<void> {
    const present = await this.#server.with("postgres", listUsers);
    const unwanted = present.filter((user) => !wanted.has(user));
    if (unwanted.length === 0) return;
    const databases = await this.#server.with("postgres", listDatabases);
    for (const user of unwanted) {
      for (const database of databases) await this.#server.with(database, (sql) => disown(sql, user));
      await this.#server.with("postgres", (sql) => dropUser(sql, user));
      this.#host.log("INFO", `Removed user ${user}`);
    }
    await this.#passwords.keepOnly(wanted);
  }

  async #passwordOf(user: string): Promise<string> {
    return (await this.#passwords.get(user)) ?? (await this.#passwords.set(user, this.#newPassword()));
  }

  /** `relation`: id of the relation, or nothing if there is one only; `password`: the new one, else a random one. */
  async #rotate({ relation, password }: Params): Promise<void> {
    const ids = this.#host.relations(ENDPOINT).map(({ id }) => id);
    const id = relation === undefined && ids.length === 1 ? ids[0] : Number(relation);
    if (id === undefined || !ids.includes(id)) {
      throw new UserError(
        `No relation ${String(relation)}`,
        `Run rotate-password relation=<id> with one of: ${ids.join(", ")}`,
      );
    }
    await this.#passwords.set(userOf(id), password === undefined ? this.#newPassword() : String(password));
  }

  #newPassword(): string {
    return newPassword(this.#config["plugin-awkward-passwords"] === true);
  }

  async #version(): Promise<string> {
    const [row] = await this.#server.with("postgres", (sql) => sql<{ server_version: string }[]>`SHOW server_version`);
    return row?.server_version ?? "";
  }

  get #tls(): boolean {
    return this.#config["plugin-tls"] === true;
  }
}
