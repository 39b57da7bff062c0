import type { DatabaseOrders } from "../agent/contract.ts";

/**
 * Environment files of the two services, rendered from scratch each time: an option that is cleared is gone. Values that
 * are not set are left out, since Concourse takes an empty boolean for true and an empty file, URL or number for an error
 * (Concourse 7.14, vito/twentythousandtonnesofcrudeoil environment.go; jessevdk/go-flags).
 */
export type Settings = Readonly<Record<string, string | null>>;

export const CONFIG_DIRECTORY = "/etc/concourse";
export const FILES = {
  webEnvironment: `${CONFIG_DIRECTORY}/web.env`,
  workerEnvironment: `${CONFIG_DIRECTORY}/worker.env`,
  sessionSigningKey: `${CONFIG_DIRECTORY}/session_signing_key`,
  tsaHostKey: `${CONFIG_DIRECTORY}/tsa_host_key`,
  authorizedKeys: `${CONFIG_DIRECTORY}/authorized_worker_keys`,
  tsaPublicKey: `${CONFIG_DIRECTORY}/tsa_host_key.pub`,
  databaseCa: `${CONFIG_DIRECTORY}/postgresql-ca.pem`,
  workerScript: `${CONFIG_DIRECTORY}/worker-service`,
  /** The resolver's settings that builds get. */
  workerResolver: `${CONFIG_DIRECTORY}/resolv.conf`,
} as const;

/** Ports that Concourse 7.14 to 8.3 use on every unit and that are not options here. */
export const TSA_PORT = 2222;

/** Name under which workers reach the TSA: entries in /etc/hosts, so that a web that comes or moves restarts no worker. */
export const TSA_NAME = "tsa.concourse.internal";

/** Concourse's work directory: always local, private to one worker (an overlay upper cannot lie on shared storage). */
export const WORK_DIRECTORY = "/var/lib/concourse-worker";

export interface WebSettings {
  readonly port: number;
  readonly externalUrl: string;
  readonly peerAddress: string;
  readonly clusterName: string;
  readonly adminName: string;
  readonly adminPasswordHash: string;
  readonly logLevel: string;
  readonly database: DatabaseOrders;
  /** The host that the agent found to be the primary. */
  readonly databaseHost: { readonly host: string; readonly port: number };
}

export function webSettings(web: WebSettings): Settings {
  return {
    CONCOURSE_BIND_PORT: String(web.port),
    CONCOURSE_EXTERNAL_URL: web.externalUrl,
    CONCOURSE_PEER_ADDRESS: web.peerAddress,
    CONCOURSE_CLUSTER_NAME: web.clusterName,
    CONCOURSE_LOG_LEVEL: web.logLevel,
    CONCOURSE_SESSION_SIGNING_KEY: FILES.sessionSigningKey,
    CONCOURSE_TSA_HOST_KEY: FILES.tsaHostKey,
    CONCOURSE_TSA_AUTHORIZED_KEYS: FILES.authorizedKeys,
    CONCOURSE_TSA_BIND_PORT: String(TSA_PORT),
    CONCOURSE_ADD_LOCAL_USER: `${web.adminName}:${web.adminPasswordHash}`,
    CONCOURSE_MAIN_TEAM_LOCAL_USER: web.adminName,
    CONCOURSE_POSTGRES_HOST: web.databaseHost.host,
    CONCOURSE_POSTGRES_PORT: String(web.databaseHost.port),
    CONCOURSE_POSTGRES_USER: web.database.user,
    CONCOURSE_POSTGRES_PASSWORD: web.database.password,
    CONCOURSE_POSTGRES_DATABASE: web.database.database,
    // verify-ca, not verify-full: certificates of charmed PostgreSQL do not always carry the address it is reached by.
    CONCOURSE_POSTGRES_SSLMODE: sslMode(web.database),
    CONCOURSE_POSTGRES_CA_CERT: web.database.ca ? FILES.databaseCa : null,
  };
}

/** How a connection is made secure, in PostgreSQL's words. What says TLS without a CA gets TLS, whoever is behind it. */
export function sslMode({ tls, ca }: Pick<DatabaseOrders, "tls" | "ca">): "disable" | "require" | "verify-ca" {
  return ca !== null ? "verify-ca" : tls === true ? "require" : "disable";
}

export interface WorkerSettings {
  readonly name: string;
  /** `host:port` of each gateway. */
  readonly tsaHosts: readonly string[];
  readonly keyFile: string;
  readonly logLevel: string;
  readonly tags: readonly string[];
}

export function workerSettings(worker: WorkerSettings): Settings {
  return {
    CONCOURSE_NAME: worker.name,
    CONCOURSE_WORK_DIR: WORK_DIRECTORY,
    CONCOURSE_TSA_HOST: worker.tsaHosts.join(","),
    CONCOURSE_TSA_PUBLIC_KEY: FILES.tsaPublicKey,
    CONCOURSE_TSA_WORKER_PRIVATE_KEY: worker.keyFile,
    CONCOURSE_LOG_LEVEL: worker.logLevel,
    CONCOURSE_TAG: worker.tags.join(",") || null,
    // Named, since the default differs: guardian up to 7.14, containerd from 8.0 (worker/workercmd/worker_linux.go).
    CONCOURSE_RUNTIME: "containerd",
    // The default listens on all addresses.
    CONCOURSE_HEALTHCHECK_BIND_IP: "127.0.0.1",
  };
}

/**
 * An environment file for systemd: sorted, every value in double quotes with the four characters escaped that systemd
 * unescapes there (systemd 249 to 255, src/basic/env-file.c).
 */
export function environmentFile(settings: Settings): string {
  return Object.entries(settings)
    .filter((entry): entry is [string, string] => entry[1] !== null)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}="${value.replace(/["\\`$]/g, "\\$&")}"\n`)
    .join("");
}
