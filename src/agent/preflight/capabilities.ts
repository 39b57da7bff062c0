/** By number, from 0 (linux/capability.h); those above have no part in Concourse's lists. */
const NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ".split(
    " ",
  );

/** What Concourse gives a privileged container: all of these (worker/runtime/spec/capabilities.go, 7.14.3 and 8.2.5). */
export const PRIVILEGED: readonly string[] = NAMES;
/** What it gives any other (the same file), and what the runtime itself cannot do without. */
export const UNPRIVILEGED: readonly string[] =
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_ADMIN NET_ADMIN".split(
    " ",
  );

/** @param status text of `/proc/self/status`, whose `CapBnd` bounds what any process below may have */
export function missingCapabilities(status: string, wanted: readonly string[]): string[] {
  const bits = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return wanted.filter((name) => ((bits >> BigInt(NAMES.indexOf(name))) & 1n) === 0n).map((name) => `CAP_${name}`);
}
