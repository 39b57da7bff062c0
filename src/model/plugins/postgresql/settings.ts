/** The server's two configuration files, from the options of the application. */

import { CLUSTER } from "./confinement.ts";

export interface Settings {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  readonly maxConnections: number;
}

/** `postgresql.conf`. */
export function serverSettings({ address, port, tls, maxConnections }: Settings): string {
  return [
    `listen_addresses = '${address}'`,
    `port = ${port}`,
    `unix_socket_directories = '${CLUSTER}'`,
    "unix_socket_permissions = 0700",
    `hba_file = '${CLUSTER}/pg_hba.conf'`,
    `max_connections = ${maxConnections}`,
    `ssl = ${tls ? "on" : "off"}`,
    `ssl_cert_file = '${CLUSTER}/server.crt'`,
    `ssl_key_file = '${CLUSTER}/server.key'`,
    "password_encryption = scram-sha-256",
    "timezone = UTC",
    "log_timezone = UTC",
    "",
  ].join("\n");
}

/**
 * `pg_hba.conf`: relation users by password over the network, with TLS on only through TLS, as the charm does
 * (postgresql-operator 16/edge, templates/patroni.yml.j2). The socket is the supervisor's own: nobody else reaches it.
 */
export function accessRules({ tls }: Settings): string {
  return [
    "local all operator trust",
    `${tls ? "hostssl" : "host"} all +relation_access 0.0.0.0/0 scram-sha-256`,
    "",
  ].join("\n");
}
