/** What a unit sees of the shared store and of its services: one script for `exec`, and the reading of what it prints. */

import type { UnitLook } from "./evidence.ts";

/** Smaller files are not worth comparing: no release is copied for them. */
const WORTH_COMPARING = "100k";
/** Where a unit could keep a copy of a release; the shared mount is on another file system. */
const OWN_DIRECTORIES = "/opt /srv /tmp /var/tmp /var/cache /var/lib/concourse-unit /var/lib/concourse-worker";

/**
 * The lock as the kernel lists it at the descriptors of the process that holds it, so only in that process's unit; looking
 * takes nothing from anybody. `/proc/locks` would not do: it hides locks that another process, ended since, has taken.
 */
const LOCK = `d=/var/lib/concourse
lock=$(stat -c %i $d/.install.lock 2>/dev/null)
echo "lock $lock"
[ -n "$lock" ] && grep -qs "FLOCK .*:$lock " /proc/[0-9]*/fdinfo/* && echo "held yes"
find $d/releases -mindepth 1 -maxdepth 1 -type d -printf 'release %f %C@\\n' 2>/dev/null
`;

/** Only what changes while a release is fetched. */
export const LOCK_SCRIPT = `${LOCK}true`;

export const LOOK_SCRIPT = `${LOCK}
echo "store $(sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p' $d/store.json)"
awk -v d=$d '$5 == d { print "mounted yes"; exit }' /proc/self/mountinfo
echo "filesystem $(stat -c '%d:%i' $d) $(stat -f -c %i $d)"
echo "executable $(stat -L -c '%i %s' $d/bin/concourse)"
echo "version $(od -An -v -tx1 $d/.installed_version | tr -d ' \\n')"
echo "marker $(stat -c '%F, %s bytes' $d/.lxc_shared_storage)"
bytes() { find "$@" -type f -printf '%s\\n' | awk '{ sum += $1 } END { printf "%.0f", sum }'; }
echo "bytes $(bytes $d/partial $d/staging $d/trash $d/releases)"
for r in $d/releases/*/; do echo "unpacked $(bytes $r)"; done
find $d/releases -type f -size +${WORTH_COMPARING} -printf '%f %s\\n' | sort -u > /run/concourse-verify.names
echo "copied $(find ${OWN_DIRECTORIES} -xdev -type f -size +${WORTH_COMPARING} -printf '%f %s\\n' 2>/dev/null |
  grep -Fx -f /run/concourse-verify.names | awk '{ sum += $NF } END { printf "%.0f", sum }')"
rm -f /run/concourse-verify.names
echo "current $(readlink -f /opt/concourse/current)"
for s in web worker; do
  pid=$(systemctl show -p MainPID --value concourse-$s.service)
  [ "\${pid:-0}" -gt 0 ] && echo "running $s $(readlink /proc/$pid/exe)"
done
true`;

/** Reads what either script printed. What is not there is "", 0 or false. */
export function parseLook(output: string): UnitLook {
  const lines = output.split("\n").map((line) => {
    const [word = "", ...rest] = line.split(" ");
    return [word, rest.join(" ")] as const;
  });
  const all = (wanted: string): string[] => lines.filter(([word]) => word === wanted).map(([, rest]) => rest);
  const one = (wanted: string): string => all(wanted)[0] ?? "";
  return {
    store: one("store"),
    mounted: one("mounted") === "yes",
    fileSystem: one("filesystem"),
    executable: one("executable"),
    versionMarker: Buffer.from(one("version"), "hex").toString("latin1"),
    lxcMarker: one("marker"),
    lock: one("lock"),
    lockHeld: one("held") === "yes",
    releases: Object.fromEntries(all("release").map(published)),
    releaseBytes: Number(one("bytes")),
    unpackedBytes: Math.max(0, ...all("unpacked").map(Number)),
    copiedBytes: Number(one("copied")),
    current: one("current"),
    running: Object.fromEntries(all("running").map((line) => pair(line))),
  };
}

function pair(line: string): [string, string] {
  const at = line.indexOf(" ");
  return [line.slice(0, at), line.slice(at + 1)];
}

function published(line: string): [string, number] {
  const [name, seconds] = pair(line);
  return [name, Number(seconds) * 1000];
}
