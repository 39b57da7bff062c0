import { FILES, WORK_DIRECTORY } from "./settings.ts";

/** Where ends of the worker are noted that nobody asked for: one line each, in seconds since the machine's boot. */
export const WORKER_ENDS = "/run/concourse-worker.ends";

/** Shell function: takes away what is mounted below the volumes of `$work`, in the mount namespace that it runs in. */
const CLEAR_MOUNTS = `clear_mounts() {
  # 166 and 39: umount2 on x86_64 and aarch64; 2: MNT_DETACH. One process, however many mounts there are.
  perl -e '
    my ($work, $umount2) = ($ARGV[0], $ARGV[1] eq "aarch64" ? 39 : 166);
    open my $mounts, "<", "/proc/self/mountinfo" or exit;
    my @below = grep { m{^\\Q$work\\E/(volumes|overlays)/} }
      map { my $path = (split)[4]; $path =~ s/\\\\([0-7]{3})/chr oct $1/ge; $path } <$mounts>;
    syscall $umount2, $_, 2 for reverse @below;
  ' "$work" "$(uname -m)"
}
`;

/**
 * What the worker's unit runs, as a shell script, since it has to hold at every start, also at the machine's boot, when no
 * hook has run yet:
 *
 * `before`, among the machine's mounts: clears what workers have left mounted there that ran without mounts of their own.
 * A real one binds all its volumes anew at each start; while their mounts were shared with the machine each start doubled
 * them, until neither Concourse nor systemd could mount anything. `umount --lazy` of a tree takes no build with it: a
 * container holds mounts of its own. Then it lets time pass, if the worker has ended badly more than three times in ten
 * minutes.
 *
 * `run`, among the service's own mounts: Concourse mounts overlays with `metacopy=on` wherever the kernel has that
 * parameter (Concourse 7.14 to 8.2, worker/baggageclaim/volume/driver/overlay_linux.go). Kernels since 6.12 refuse the
 * option in a user namespace, as in containers of LXD and Incus (Linux 6c4a5f964504), and then no volume can be made. Where
 * a trial shows that, the parameter is hidden from the worker. Its `/etc/resolv.conf` is the one for builds: Concourse reads
 * it for each container, search domains and all, as long as no servers are named in its settings
 * (worker/runtime/cni_network.go).
 *
 * `stop`: whoever creates a volume loses it with the process, and its build ends with "future not found". So a stop waits, up
 * to 20 seconds, until no volume is being initialised (what an earlier process left there does not count), and a moment
 * longer, in which the web asks for the last ones (worker/baggageclaim/volume/filesystem.go, client/volume_future.go).
 *
 * `after`: notes an end that nobody asked for; one that somebody did forgives those before.
 */
export const workerScript = `#!/bin/sh
# Run by concourse-worker.service.
set -u
work=${WORK_DIRECTORY}
ends=${WORKER_ENDS}

${CLEAR_MOUNTS}
uptime() {
  read -r seconds _ </proc/uptime
  echo "\${seconds%.*}"
}

back_off() {
  since=$(($(uptime) - 600))
  recent=0
  [ ! -e "$ends" ] || while read -r end; do [ "$end" -lt "$since" ] || recent=$((recent + 1)); done <"$ends"
  pause=$((recent < 4 ? 0 : recent > 7 ? 60 : 1 << (recent - 2)))
  [ "$pause" -eq 0 ] || echo "This worker has ended $recent times in ten minutes: the next start is in $pause s" >&2
  sleep "$pause"
}

hide_metacopy() {
  rm -rf "$work"/.overlay.*
  trial=$(mktemp -d "$work/.overlay.XXXXXX") || return
  mkdir "$trial/lower" "$trial/upper" "$trial/work" "$trial/merged"
  options="lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work"
  if ! mount -t overlay -o "$options,metacopy=on" overlay "$trial/merged" 2>/dev/null &&
    mount -t overlay -o "$options" overlay "$trial/merged" 2>/dev/null; then
    echo "Overlays with metacopy=on are refused here: Concourse mounts them without" >&2
    mount -t tmpfs -o ro,mode=755,size=4k tmpfs /sys/module/overlay/parameters
  fi
  umount --lazy "$trial/merged" 2>/dev/null
  rm -rf "$trial"
}

creating() {
  find init -mindepth 1 -maxdepth 1 -newer /run/systemd/units/invocation:concourse-worker.service
  find live -maxdepth 0 -newermt "1 second ago"
}

finish_volumes() {
  cd "$work/volumes" 2>/dev/null || return 0
  tries=100
  while [ "$tries" -gt 0 ] && [ -n "$(creating)" ]; do
    sleep 0.2
    tries=$((tries - 1))
  done
}

case $1 in
  before)
    clear_mounts
    back_off
    ;;
  run)
    hide_metacopy
    mount --bind ${FILES.workerResolver} /etc/resolv.conf
    exec "$2" worker
    ;;
  stop)
    # One that has ended by itself has no process.
    [ -z "\${2-}" ] || finish_volumes
    ;;
  after)
    case \${SERVICE_RESULT-success} in
      success) rm -f "$ends" ;;
      *) { tail -n 20 "$ends"; uptime; } 2>/dev/null >"$ends.new" && mv "$ends.new" "$ends" ;;
    esac
    ;;
esac
`;

/**
 * Takes away what another unit's worker has left on this machine: the worker, if it still runs, its builds with the shims
 * that hold them, their mounts, and the work directory's content, which is removed aside, since that may take long. A shim's
 * children are the first processes of containers, and the containers end with them. $1: the work directory.
 */
export const forgetWorker = `set -u
work=$1
[ -d "$work" ] && ls -A "$work" | grep -qvx lost+found || exit 0
systemctl stop concourse-worker.service 2>/dev/null
for process in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' <"$process/cmdline" 2>/dev/null)" in
    *containerd-shim-runc-v2*" -namespace concourse "*)
      pid=\${process#/proc/}
      kill -9 $(cat "$process/task/$pid/children" 2>/dev/null) "$pid" 2>/dev/null
      ;;
  esac
done
${CLEAR_MOUNTS}
clear_mounts
left=$(mktemp -d "$work/.left.XXXXXX") || exit
find "$work" -mindepth 1 -maxdepth 1 ! -path "$left" ! -name lost+found -exec mv -t "$left" {} +
systemd-run --quiet --collect rm -rf "$left" 2>/dev/null || rm -rf "$left"
`;
