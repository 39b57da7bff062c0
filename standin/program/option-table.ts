/**
 * Options of `concourse web` and `concourse worker`, by the type their value must have. Taken from the answers of
 * Concourse 7.14.3 to an empty value of each; options that take any text are listed only where this program reads them.
 */

import { AT_LEAST_8_0, AT_LEAST_8_1, AT_LEAST_8_2, AT_LEAST_8_3, DEFAULT_RUNTIME } from "./version.ts";

export type Kind =
  | "text"
  | "bool"
  | "int"
  | "uint16"
  | "uint64"
  | "duration"
  | "ip"
  | "url"
  | "file"
  | "key"
  | "authorized-keys"
  | "cipher"
  | "list"
  | "file-list"
  | "map";

export interface Option {
  readonly name: string;
  readonly kind: Kind;
  readonly default?: string;
  readonly choices?: readonly string[];
  /** A choice that may be given several times. */
  readonly several?: boolean;
  readonly required?: boolean;
  /** Its one-letter form. */
  readonly short?: string;
  /** The environment variable, where it is not `CONCOURSE_<NAME>`. */
  readonly variable?: string;
}

const ofKind = (kind: Kind, names: string): Option[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, kind }));

const withDefaults = (kind: Kind, defaults: Readonly<Record<string, string>>): Option[] =>
  Object.entries(defaults).map(([name, value]) => ({ name, kind, default: value }));

const LOG_LEVELS = ["debug", "info", "error", "fatal"];
const PLACEMENT = [
  "random",
  "fewest-build-containers",
  "limit-active-tasks",
  "limit-active-containers",
  "limit-active-volumes",
];

const COMPRESSION = ["gzip", "zstd", "raw", ...(AT_LEAST_8_0 ? ["s2"] : [])];

const logLevel = (name: string): Option => ({ name, kind: "text", choices: LOG_LEVELS, default: "info" });

/** PostgreSQL, shared by `web` and `migrate`. */
export const DATABASE_OPTIONS: readonly Option[] = [
  ...withDefaults("text", { "postgres-host": "127.0.0.1", "postgres-database": "atc" }),
  ...ofKind("text", "postgres-user postgres-password postgres-socket"),
  ...(AT_LEAST_8_2 ? ofKind("text", "postgres-application-name") : []),
  { name: "postgres-port", kind: "uint16", default: "5432" },
  {
    name: "postgres-sslmode",
    kind: "text",
    default: "disable",
    choices: ["disable", "require", "verify-ca", "verify-full"],
  },
  { name: "postgres-sslnegotiation", kind: "text", default: "postgres", choices: ["postgres", "direct"] },
  ...ofKind("file", "postgres-ca-cert postgres-client-cert postgres-client-key"),
  { name: "postgres-connect-timeout", kind: "duration", default: "5m" },
  ...ofKind("cipher", "encryption-key old-encryption-key"),
];

export const WEB_OPTIONS: readonly Option[] = [
  { name: "peer-address", kind: "text", default: "127.0.0.1" },
  logLevel("log-level"),
  ...withDefaults("ip", { "bind-ip": "0.0.0.0", "debug-bind-ip": "127.0.0.1" }),
  ...withDefaults("uint16", { "bind-port": "8080", "debug-bind-port": "8079" }),
  ...ofKind("uint16", "tls-bind-port"),
  ...ofKind("file", "tls-cert tls-key tls-ca-cert"),
  { name: "external-url", kind: "url" },
  ...ofKind("url", "lets-encrypt-acme-url"),
  ...ofKind("map", "concurrent-request-limit"),
  ...DATABASE_OPTIONS,
  ...ofKind("text", "cli-artifacts-dir cluster-name client-secret prometheus-bind-ip prometheus-bind-port"),
  { name: "client-id", kind: "text", default: "concourse-web" },
  ...ofKind(
    "int",
    `api-max-conns backend-max-conns max-checks-per-second pause-pipelines-after num-goroutine-threshold
    db-notification-bus-queue-size secret-retry-attempts max-active-tasks-per-worker max-active-containers-per-worker
    max-active-volumes-per-worker default-task-cpu-limit streaming-size-limitation`,
  ),
  ...ofKind(
    "uint64",
    `default-build-logs-to-retain max-build-logs-to-retain default-days-to-retain-build-logs
    max-days-to-retain-build-logs job-scheduling-max-in-flight newrelic-batch-size metrics-buffer-size
    influxdb-batch-size`,
  ),
  ...ofKind(
    "duration",
    `intercept-idle-timeout global-resource-check-timeout
    resource-checking-interval resource-type-checking-interval resource-with-webhook-checking-interval
    baggageclaim-response-header-timeout garden-request-timeout p2p-volume-streaming-timeout
    default-get-timeout default-put-timeout default-task-timeout secret-retry-interval secret-cache-duration
    secret-cache-duration-notfound secret-cache-purge-interval vault-login-timeout vault-query-timeout
    vault-auth-backend-max-ttl vault-retry-max vault-retry-initial signing-key-check-interval
    signing-key-rotation-period signing-key-grace-period influxdb-batch-duration newrelic-batch-duration opa-timeout
    gc-one-off-grace-period gc-missing-grace-period gc-hijack-grace-period gc-failed-grace-period
    gc-check-recycle-period gc-var-source-recycle-period syslog-drain-interval tsa-garden-request-timeout`,
  ),
  ...withDefaults("duration", { "gc-interval": "30s", "auth-duration": "24h", "tsa-heartbeat-interval": "30s" }),
  // atc/atccmd/command.go
  ...withDefaults("duration", {
    "component-runner-interval": "10s",
    "lidar-scanner-interval": "10s",
    "build-tracker-interval": "10s",
  }),
  ...ofKind(
    "bool",
    `log-db-queries log-cluster-name enable-build-auditing enable-container-auditing enable-job-auditing
    enable-pipeline-auditing enable-resource-auditing enable-system-auditing enable-team-auditing
    enable-worker-auditing enable-volume-auditing enable-lets-encrypt secret-cache-enabled
    credhub-insecure-skip-verify kubernetes-in-cluster vault-disable-srv-lookup vault-insecure-skip-verify
    capture-error-metrics influxdb-insecure-skip-verify emit-to-logs newrelic-batch-disable-compression
    tracing-otlp-use-tls cookie-secure cf-skip-ssl-validation ldap-insecure-no-ssl ldap-insecure-skip-verify
    ldap-start-tls microsoft-only-security-groups oauth-skip-ssl-validation oidc-skip-ssl-validation
    oidc-disable-groups oidc-skip-email-verified-validation oidc-disable-get-user-info saml-skip-ssl-validation
    enable-global-resources enable-redact-secrets enable-rerun-when-worker-disappears enable-across-step
    enable-pipeline-instances enable-p2p-volume-streaming enable-cache-streamed-volumes enable-resource-causality
    tsa-log-cluster-name`,
  ),
  ...ofKind(
    "file",
    `config-rbac base-resource-type-defaults github-ca-cert ldap-ca-cert saml-ca-cert
    tsa-team-authorized-keys-file`,
  ),
  { name: "main-team-config", kind: "file", short: "c" },
  ...ofKind("file-list", "cf-ca-cert oauth-ca-cert oidc-ca-cert"),
  { name: "streaming-artifacts-compression", kind: "text", default: "gzip", choices: COMPRESSION },
  {
    name: "container-placement-strategy",
    kind: "list",
    default: "volume-locality",
    choices: ["volume-locality", ...PLACEMENT],
    several: true,
  },
  { name: "no-input-container-placement-strategy", kind: "list", choices: PLACEMENT, several: true },
  {
    name: "check-container-placement-strategy",
    kind: "list",
    default: "random",
    choices: PLACEMENT,
    several: true,
  },
  { name: "password-connector", kind: "text", default: "local", choices: ["local", "ldap"] },
  { name: "session-signing-key", kind: "key" },
  ...ofKind("map", "add-local-user add-client"),
  ...ofKind("list", "main-team-local-user"),
  ...withDefaults("ip", { "tsa-bind-ip": "0.0.0.0", "tsa-debug-bind-ip": "127.0.0.1" }),
  ...withDefaults("uint16", { "tsa-bind-port": "2222", "tsa-debug-bind-port": "2221" }),
  logLevel("tsa-log-level"),
  { name: "tsa-host-key", kind: "key", required: true },
  { name: "tsa-authorized-keys", kind: "authorized-keys" },
  { name: "tsa-team-authorized-keys", kind: "map" },
  ...ofKind("url", "tsa-atc-url tsa-token-url"),
  { name: "tsa-client-id", kind: "text", default: "concourse-worker" },
  { name: "tsa-client-secret", kind: "text" },
  ...(AT_LEAST_8_2 ? ofKind("duration", "default-task-cache-ttl") : []),
  ...(AT_LEAST_8_2 ? ofKind("bool", "vault-enable-kv-mount-cache") : []),
  ...(AT_LEAST_8_3 ? ofKind("duration", "stalled-worker-timeout destroy-archived-pipelines-after") : []),
  ...(AT_LEAST_8_3
    ? [
        { name: "health-min-worker-count", kind: "int" as const, default: "1" },
        { name: "custom-http-headers", kind: "file" as const },
      ]
    : []),
];

/** How to reach the TSA, and which worker this is: shared by `worker`, `land-worker` and `retire-worker`. */
const TSA_CLIENT_OPTIONS: readonly Option[] = [
  { name: "tsa-host", kind: "list", default: "127.0.0.1:2222" },
  { name: "tsa-public-key", kind: "authorized-keys" },
  { name: "tsa-worker-private-key", kind: "key", required: true },
];

export const DRAIN_OPTIONS: readonly Option[] = [
  { name: "name", kind: "text", required: true },
  { name: "team", kind: "text" },
  ...TSA_CLIENT_OPTIONS,
];

export const WORKER_OPTIONS: readonly Option[] = [
  ...ofKind("text", "name team certs-dir resource-types"),
  { name: "tag", kind: "list" },
  { name: "http-proxy", kind: "text", variable: "http_proxy" },
  { name: "https-proxy", kind: "text", variable: "https_proxy" },
  { name: "no-proxy", kind: "text", variable: "no_proxy" },
  { name: "ephemeral", kind: "bool" },
  { name: "work-dir", kind: "text", required: true },
  ...withDefaults("ip", {
    "bind-ip": "127.0.0.1",
    "debug-bind-ip": "127.0.0.1",
    "healthcheck-bind-ip": "0.0.0.0",
    "baggageclaim-bind-ip": "127.0.0.1",
    "baggageclaim-debug-bind-ip": "127.0.0.1",
  }),
  ...withDefaults("uint16", {
    "bind-port": "7777",
    "debug-bind-port": "7776",
    "healthcheck-bind-port": "8888",
    "baggageclaim-bind-port": "7788",
    "baggageclaim-debug-bind-port": "7787",
    "volume-sweeper-max-in-flight": "3",
    "container-sweeper-max-in-flight": "5",
  }),
  ...withDefaults("duration", {
    "healthcheck-timeout": "5s",
    "sweep-interval": "30s",
    "rebalance-interval": "4h",
    "connection-drain-timeout": "1h",
    "garden-request-timeout": "5m",
    "containerd-request-timeout": "5m",
  }),
  { name: "external-garden-url", kind: "url" },
  logLevel("log-level"),
  logLevel("baggageclaim-log-level"),
  ...TSA_CLIENT_OPTIONS,
  {
    name: "runtime",
    kind: "text",
    default: DEFAULT_RUNTIME,
    choices: process.arch === "arm64" ? ["containerd", "houdini"] : ["guardian", "containerd", "houdini"],
  },
  ...ofKind("file", "garden-config containerd-config"),
  ...ofKind("int", "containerd-max-containers containerd-mtu max-active-tasks"),
  ...ofKind("ip", "containerd-external-ip"),
  ...ofKind(
    "bool",
    `garden-dns-proxy-enable containerd-allow-host-access containerd-dns-proxy-enable containerd-v6-enable
    containerd-v6-disable-masquerade baggageclaim-disable-user-namespaces tracing-otlp-use-tls`,
  ),
  ...ofKind(
    "text",
    `garden-bin garden-network-pool garden-max-containers containerd-bin containerd-init-bin
    containerd-seccomp-profile containerd-oci-hooks-dir containerd-cni-plugins-dir containerd-dns-server
    containerd-additional-hosts containerd-restricted-network containerd-network-pool containerd-v6-pool
    ${AT_LEAST_8_0 ? "containerd-log-level" : ""} ${AT_LEAST_8_1 ? "containerd-allowed-device" : ""}`,
  ),
  {
    name: "containerd-privileged-mode",
    kind: "text",
    default: "full",
    choices: ["full", "fuse-only", "ignore"],
  },
  { name: "baggageclaim-p2p-interface-family", kind: "text", default: "4", choices: ["4", "6"] },
  {
    name: "baggageclaim-driver",
    kind: "text",
    default: "detect",
    choices: ["detect", "naive", "btrfs", "overlay"],
  },
];

export const MIGRATE_OPTIONS: readonly Option[] = [
  ...DATABASE_OPTIONS,
  ...ofKind("bool", "current-db-version supported-db-version migrate-to-latest-version"),
  { name: "migrate-db-to-version", kind: "int" },
];

export const KEY_OPTIONS: readonly Option[] = [
  { name: "type", kind: "text", short: "t", default: "rsa", choices: ["rsa", "ssh"] },
  { name: "filename", kind: "text", short: "f", required: true },
  { name: "bits", kind: "int", short: "b", default: "4096" },
];
