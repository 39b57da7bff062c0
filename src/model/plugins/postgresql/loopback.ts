/**
 * The plug-in without a model: a real server on the loopback interface and relations made by hand. For tests and for
 * trying things out.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PluginHost, PluginRelation } from "../../contract.ts";
import { PostgresqlInstance } from "./plugin.ts";

type Bag = Record<string, string>;
type Config = Readonly<Record<string, string | number | boolean>>;

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly host: string;
  readonly port: number;
  readonly ca: string | null;
}

const REQUESTED = ["username", "password", "tls", "tls-ca", "uris", "read-only-uris"];

export class Loopback {
  readonly instance: PostgresqlInstance;
  readonly directory: string;
  readonly host: PluginHost;
  readonly port: number;
  /** The last status, version and ports told to the model. */
  readonly told = { status: "", message: "", version: "", ports: [] as string[] };
  /** Secrets by URI, with each revision's content. */
  readonly secrets = new Map<string, Bag[]>();
  readonly relations = new Map<number, PluginRelation>();

  constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
    this.host = {
      application: "postgresql",
      unit: "postgresql/0",
      modelUuid: "00000000-0000-4000-8000-000000000000",
      directory,
      address: "127.0.0.1",
      enter: [],
      setStatus: (status, message) => void Object.assign(this.told, { status, message }),
      setVersion: (version) => void Object.assign(this.told, { version }),
      openPort: (opened) => void this.told.ports.push(opened),
      relations: () => [...this.relations.values()],
      log: () => undefined,
    };
    this.instance = this.reopen();
  }

  /** Starts a server in a new temporary directory. */
  static async start(config: Config = {}): Promise<Loopback> {
    const loopback = new Loopback(await mkdtemp(join(tmpdir(), "postgresql-")), await freePort());
    try {
      await loopback.instance.start(config);
      return loopback;
    } catch (error) {
      await loopback.destroy();
      throw error;
    }
  }

  /** A second handle on the same directory, as after a restart of the supervisor. */
  reopen(): PostgresqlInstance {
    return new PostgresqlInstance(this.host, this.port);
  }

  /** Adds a relation with this application bag and lets the plug-in answer; a bag of a charm by default. */
  async relate(
    id: number,
    database: string,
    remote: Bag = { "requested-secrets": JSON.stringify(REQUESTED) },
  ): Promise<Credentials> {
    const data: Bag = {};
    this.relations.set(id, {
      id,
      remoteApp: "concourse",
      remoteUnits: ["concourse/0"],
      remoteAppData: () => ({ database, ...remote }),
      remoteUnitData: () => ({}),
      setAppData: (changes) => void Object.assign(data, changes),
      appData: () => data,
      setUnitData: () => undefined,
      secret: (label, content) => this.#secret(`secret:${label}`, content),
    });
    await this.instance.reconcile();
    return this.credentials(id);
  }

  async unrelate(id: number): Promise<void> {
    this.relations.delete(id);
    await this.instance.reconcile();
  }

  /** What a requirer reads from bag and secrets of a relation. */
  credentials(id: number): Credentials {
    const bag = this.relations.get(id)?.appData() ?? {};
    const all = { ...bag, ...this.content(bag["secret-user"]), ...this.content(bag["secret-tls"]) };
    return {
      user: all["username"] ?? "",
      password: all["password"] ?? "",
      database: all["database"] ?? "",
      host: this.host.address,
      port: this.port,
      ca: all["tls"] === "True" ? (all["tls-ca"] ?? null) : null,
    };
  }

  /** Latest content of a secret. */
  content(uri: string | undefined): Bag {
    return this.secrets.get(uri ?? "")?.at(-1) ?? {};
  }

  async destroy(): Promise<void> {
    await this.instance.destroy();
    await rm(this.directory, { recursive: true, force: true });
  }

  #secret(uri: string, content: Readonly<Bag>): string {
    const revisions = this.secrets.get(uri) ?? [];
    const same = JSON.stringify(revisions.at(-1)) === JSON.stringify(content);
    this.secrets.set(uri, same ? revisions : [...revisions, { ...content }]);
    return uri;
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
