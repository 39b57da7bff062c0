/** The unit file for `storage attach --watch`: what a person puts into /etc/systemd/system. */

import { shown } from "./plan.ts";

export interface WatchCommand {
  /** Program and its first words, absolute. */
  readonly program: readonly string[];
  /** The words from `attach` on. */
  readonly words: readonly string[];
  readonly application: string;
  readonly directory: string;
  /** The account that knows the controller. */
  readonly user: string;
}

/**
 * It has to be root, for the daemon and the directory, and speaks to Juju as the person who called us (SUDO_USER).
 * `PATH`: clients from snaps; `%` and `$` mean something to systemd.
 */
export function watchUnit({ program, words, application, directory, user }: WatchCommand): string {
  const command = shown([...program, "storage", "attach", ...words, "--watch"]);
  const escaped = command.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return `# /etc/systemd/system/concourse-storage-${application}.service
[Unit]
Description=Attaches ${directory} to new units of ${application}
Wants=network-online.target
After=network-online.target snap.lxd.daemon.service incus.service

[Service]
ExecStart=${escaped}
Environment=HOME=/root SUDO_USER=${user}
Environment=PATH=/snap/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`;
}
