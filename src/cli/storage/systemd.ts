/** The unit file for `storage attach --watch`: what a person puts into /etc/systemd/system. */

import { shown } from "./plan.ts";

export interface WatchCommand {
  /** Program and its first words, absolute. */
  readonly program: readonly string[];
  /** The words from `attach` on. */
  readonly words: readonly string[];
  readonly application: string;
  readonly directory: string;
  /** What says whose controllers are meant: `SUDO_USER`, `JUJU_DATA`. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * It has to be root, for the daemon and the directory, and speaks to Juju as the person who called us (SUDO_USER).
 * `PATH`: clients from snaps; `%` and `$` mean something to systemd. Without its mount, the directory would be made anew below.
 */
export function watchUnit({ program, words, application, directory, environment }: WatchCommand): string {
  const command = shown([...program, "storage", "attach", ...words, "--watch"]);
  const plain = (text: string): string => text.replaceAll("%", "%%");
  const variables = Object.entries({ HOME: "/root", ...environment }).map(([key, value]) => `${key}=${value}`);
  return `# /etc/systemd/system/concourse-storage-${application}.service
[Unit]
Description=Attaches ${plain(directory)} to new units of ${application}
Wants=network-online.target
After=network-online.target snap.lxd.daemon.service incus.service
RequiresMountsFor=${plain(shown([directory]))}

[Service]
ExecStart=${plain(command).replaceAll("$", "$$$$")}
Environment=${plain(shown(variables))}
Environment=PATH=/snap/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`;
}
