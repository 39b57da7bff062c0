/** Joins the machine's cgroups, then becomes the program that it is given. */
const joining = 'for group in $1; do echo 0 >"$group/cgroup.procs" || exit 125; done; shift; exec "$@"';

/**
 * Becomes a member of the PID namespace, which takes a fork, waits for the program and ends as that did. `nsenter` would fork
 * by itself, but stops itself whenever its program is stopped (util-linux 2.38, sys-utils/nsenter.c: continue_as_child),
 * and systemd-shutdown stops everything in the machine before it kills it: then the dead program would never be waited for,
 * and the machine never end. `unshare --fork` makes 1 of a SIGKILL (util-linux 2.38, sys-utils/unshare.c).
 */
const forking = `
  my $pid = fork;
  die "fork: $!\\n" unless defined $pid;
  if ($pid == 0) { exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n" }
  waitpid $pid, 0;
  kill $? & 127, $$ if $? & 127;
  exit $? >> 8;
`;

/** What a command enters, from the host. */
export interface Entrance {
  /** The machine's init, by the host's number. */
  readonly pid: number;
  /** Control groups to join, as directories of the host: without white space in their names. */
  readonly groups: readonly string[];
  /** A machine with owners of its own: root there is an ordinary user of the host. */
  readonly user: boolean;
}

/**
 * The argv that runs `argv` in a machine with exactly `environment`, as root, in `cwd`. To end the program inside, signal the
 * process group of what the caller spawned (`detached: true`): the process outside only waits for it, and its death alone
 * ends nothing.
 */
export function entering(
  { pid, groups, user }: Entrance,
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd: string,
): string[] {
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", ...(user ? ["--user"] : [])];
  const enter = ["/usr/bin/nsenter", "--no-fork", `--target=${pid}`, ...namespaces, "--"];
  const fork = ["/usr/bin/perl", "-e", forking];
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const exactly = ["/usr/bin/env", "--ignore-environment", `--chdir=${cwd}`, ...variables];
  return ["/bin/sh", "-c", joining, "concourse-machine", groups.join(" "), ...enter, ...fork, ...exactly, ...argv];
}
