/**
 * The two programs a unit finds instead of Juju's `jujuc` and `juju-exec`: bash with builtins only, because a hook calls
 * some fifteen of them and each fork or interpreter start would be felt. They talk to the hook server (`hook-server.ts`)
 * on the bridge address.
 *
 * Request: NUL-terminated fields `tool`, context id, working directory, command, number of arguments, arguments; or
 * `exec`, context id, number of arguments, arguments. Reply: one line `code bytes-of-stdout bytes-of-stderr`, then both
 * texts. The code `stdin` asks for standard input first: one more NUL-terminated field.
 *
 * The messages of the client are those of Juju 3.6, cmd/jujuc/main.go.
 */

const EXCHANGE = String.raw`
{ exec 3<>"/dev/tcp/$server"; } 2>/dev/null || {
  printf 'ERROR dial unix %s: connect: connection refused\n' "$address" >&2
  exit 1
}
printf '%s\0' "$@" >&3
read -r code out err <&3 || { printf 'ERROR connection is shut down\n' >&2; exit 1; }
if [[ $code == stdin ]]; then
  IFS= read -r -N 268435456 input
  printf '%s\0' "$input" >&3
  unset input
  read -r code out err <&3 || { printf 'ERROR connection is shut down\n' >&2; exit 1; }
fi
if ((out)); then IFS= read -r -N "$out" text <&3; printf %s "$text"; fi
if ((err)); then IFS= read -r -N "$err" text <&3; printf %s "$text" >&2; fi
exit "$code"
`;

/** Script behind every hook command; the name it is called by picks the command. `server` is `address/port`. */
export function hookCommandScript(server: string): string {
  return `#!/bin/bash
LC_ALL=C
for name in JUJU_CONTEXT_ID JUJU_AGENT_SOCKET_ADDRESS JUJU_AGENT_SOCKET_NETWORK; do
  [[ -v $name ]] || { printf 'ERROR %s not set\\n' "$name" >&2; exit 1; }
done
server=${server} address=$JUJU_AGENT_SOCKET_ADDRESS
set -- tool "$JUJU_CONTEXT_ID" "$PWD" "\${0##*/}" $# "$@"
${EXCHANGE}`;
}

/** `/usr/bin/juju-exec` of a unit's machine. */
export function jujuExecScript(server: string, runSocket: string): string {
  return `#!/bin/bash
LC_ALL=C
server=${server} address=${runSocket}
set -- exec "$JUJU_CONTEXT_ID" $# "$@"
${EXCHANGE}`;
}

/** Every hook command of Juju 3.6 on machines (internal/worker/uniter/runner/jujuc/server.go). */
export const HOOK_COMMANDS = [
  "action-fail",
  "action-get",
  "action-log",
  "action-set",
  "application-version-set",
  "close-port",
  "config-get",
  "credential-get",
  "goal-state",
  "is-leader",
  "juju-log",
  "juju-reboot",
  "leader-get",
  "leader-set",
  "network-get",
  "open-port",
  "opened-ports",
  "relation-get",
  "relation-ids",
  "relation-list",
  "relation-model-get",
  "relation-set",
  "resource-get",
  "secret-add",
  "secret-get",
  "secret-grant",
  "secret-ids",
  "secret-info-get",
  "secret-remove",
  "secret-revoke",
  "secret-set",
  "state-delete",
  "state-get",
  "state-set",
  "status-get",
  "status-set",
  "storage-add",
  "storage-get",
  "storage-list",
  "unit-get",
] as const;
