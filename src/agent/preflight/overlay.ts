import type { Exec } from "../../ports.ts";

/** As Concourse mounts a volume that builds on another (worker/baggageclaim/volume/driver/overlay_linux.go). */
const SCRIPT = `
at=$(mktemp -d "$1/.preflight.XXXXXX") || exit
cd "$at" && mkdir lower upper work volume
overlay() { mount -t overlay overlay -o "lowerdir=$at/lower,upperdir=$at/upper,workdir=$at/work$1" volume; }
overlay ,metacopy=on 2>/dev/null || overlay "" || code=1
umount volume 2>/dev/null
cd / && rm -rf "$at"
exit \${code:-0}
`;

/**
 * Why no overlay can be mounted on the file system of a directory, neither with `metacopy=on` nor without, which is what
 * the worker's service falls back to; null if one can be. Tried in a mount namespace of its own, so that nobody sees it.
 */
export async function probeOverlay(exec: Exec, directory: string): Promise<string | null> {
  const argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", directory];
  const { code, stderr } = await exec.run(argv);
  return code === 0 ? null : (stderr.trim().split("\n")[0] ?? "").replace(/^.*: /, "");
}
