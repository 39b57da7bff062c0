/**
 * Where the server runs: PostgreSQL refuses root, and its files lie where only root may go. So it gets a mount namespace
 * of its own in which package and cluster appear under `/mnt`, and a user id that no account of the host has. Nothing of
 * this is left when its last process ends.
 */

/** In Debian's reserved range and above systemd's dynamic users, below 65536 so that it exists in every container. */
export const SERVER_UID = 65_521;

export const VIEW = "/mnt";
export const PACKAGE = `${VIEW}/package`;
export const CLUSTER = `${VIEW}/cluster`;

/** initdb looks its own user up by name. */
export const PASSWD = `postgres:x:${SERVER_UID}:${SERVER_UID}::/:/bin/false\n`;

// The view is built inside the cluster and bound over /mnt last: either path given may itself lie below /mnt.
const SCRIPT = `set -eu
native=$1 cluster=$2
shift 2
mount -t tmpfs -o mode=0755,nosuid,nodev view "$cluster/view"
mkdir "$cluster/view/package" "$cluster/view/cluster"
mount --bind "$native" "$cluster/view/package"
mount --bind "$cluster" "$cluster/view/cluster"
mount --bind "$cluster/passwd" /etc/passwd
mount --rbind "$cluster/view" ${VIEW}
cd /
exec setpriv --reuid=${SERVER_UID} --regid=${SERVER_UID} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \\
  env -i PATH=/usr/bin:/bin LC_ALL=C TZ=UTC LD_LIBRARY_PATH=${CLUSTER}/lib:${PACKAGE}/lib "$@"`;

/**
 * The argv that runs a program of the package, confined. No step forks, so the child's pid is the program's.
 * `enter`: words that enter the model's network; `program`: name and arguments, the name relative to `native/bin`.
 */
export function confined(
  enter: readonly string[],
  native: string,
  cluster: string,
  program: readonly [string, ...string[]],
): string[] {
  const [name, ...rest] = program;
  const words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", native, cluster];
  return [...enter, ...words, `${PACKAGE}/bin/${name}`, ...rest];
}
