import type { Disk } from "../machine.ts";
import { run } from "../run.ts";

/**
 * Takes a copy of a mount of the host and hangs it up inside a running machine. mount(8) cannot do that: it looks up both ends in
 * one mount namespace. The system calls behind it can (open_tree, mount_setattr, move_mount: Linux 5.12), and Perl, which
 * every Debian and Ubuntu has (perl-base is essential), can make them. Their numbers are the same on all architectures.
 */
const take = `
  my ($source, $attributes, $namespace, $hang, $path) = @ARGV;
  my $empty = "";
  my $tree = syscall(428, -100, $source, 1);
  die "open_tree $source: $!\\n" if $tree < 0;
  my $set = pack("Q4", $attributes, 0, 0, 0);
  syscall(442, $tree, $empty, 0x1000, $set, length $set) == 0 or die "mount_setattr: $!\\n";
  exec "nsenter", "--mount=$namespace", "--", "perl", "-e", $hang, $tree, $path;
  die "nsenter: $!\\n";
`;

const hang = `
  my ($tree, $path) = @ARGV;
  my $directory = "";
  for my $step (grep { $_ ne "" } split "/", $path) {
    $directory .= "/$step";
    mkdir $directory, 0755;
  }
  my $empty = "";
  syscall(429, $tree + 0, $empty, -100, $path, 4) == 0 or die "move_mount $path: $!\\n";
`;

/** MOUNT_ATTR_* of linux/mount.h. */
const attribute = { readOnly: 1, nosuid: 2, nodev: 4 };

/** Mounts the disk inside the machine whose init is `pid`, in one step with its options. */
export async function plug(pid: number, disk: Disk): Promise<void> {
  const attributes = attribute.nosuid + attribute.nodev + (disk.readOnly ? attribute.readOnly : 0);
  await run("perl", ["-e", take, disk.source, String(attributes), `/proc/${pid}/ns/mnt`, hang, disk.path]);
}

/** Unmounts it, also while files on it are open: these stay usable until they are closed, as after unplugging a real disk. */
export async function unplug(pid: number, path: string): Promise<void> {
  const script = 'if mountpoint -q "$0"; then umount --lazy "$0"; fi';
  // Among its processes too: umount reads its own mountinfo.
  await run("nsenter", [`--target=${pid}`, "--mount", "--pid", "--", "sh", "-c", script, path]);
}
