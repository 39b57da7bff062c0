import { CONFIG_DIRECTORY, FILES, WORK_DIRECTORY } from "./settings.ts";

/** Where each unit keeps its link to the release it runs. */
export const INSTALL_DIRECTORY = "/opt/concourse";
export const CURRENT_RELEASE = `${INSTALL_DIRECTORY}/current`;

/** The system user that the web runs as. */
export const USER = "concourse";

export const WEB_SERVICE = "concourse-web.service";
export const WORKER_SERVICE = "concourse-worker.service";
export const AGENT_SERVICE = "concourse-agent.service";

/** Name of the variable that carries the hash of all a service runs with; read back from the running process. */
export const CONFIG_HASH = "CHARM_CONFIG";

/**
 * What a web has to put down on SIGTERM, its builds with their locks, it puts down at once; then it waits up to a minute,
 * its listeners closed, for open requests, and the stream of a build that somebody watches is one (Concourse 7.14.3 and
 * 8.2.5, atc/engine/engine.go `Drain`; tedsuo/ifrit, http_server). Nobody gains by that minute: after two seconds the
 * streams are cut, and their readers connect again to the next process. `CollectMode`: a stop that was cut short is no
 * failure of the machine's.
 */
export const webUnit = `[Unit]
Description=Concourse web
Documentation=https://concourse-ci.org
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Service]
Type=exec
User=${USER}
Group=${USER}
EnvironmentFile=${FILES.webEnvironment}
ExecStart=${CURRENT_RELEASE}/bin/concourse web
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
TimeoutStopSec=2
AmbientCapabilities=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;

/**
 * `KillMode=process` lets the shims, and the builds in them, live through a restart of the worker; `Delegate=yes` keeps
 * systemd out of the containers' cgroups; a landed or retired worker exits 0 and stays down, hence `on-failure`
 * (Concourse, worker/beacon.go; ci/deployments/smoke/systemd/concourse-worker.service). Its mounts are its own, and go with
 * it (docs/decisions/0021). `unshare` makes the namespace, since with `PrivateMounts=yes` even `ExecStartPre=+` would be
 * run in one (systemd 252).
 */
export const workerUnit = `[Unit]
Description=Concourse worker
Documentation=https://concourse-ci.org
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=${FILES.workerEnvironment}
ExecStartPre=/bin/sh ${FILES.workerScript} before
ExecStart=/usr/bin/unshare --mount --propagation slave /bin/sh ${FILES.workerScript} run ${CURRENT_RELEASE}/bin/concourse
ExecStop=-/bin/sh ${FILES.workerScript} stop $MAINPID
ExecStopPost=/bin/sh ${FILES.workerScript} after
WorkingDirectory=${WORK_DIRECTORY}
Restart=on-failure
RestartSec=2
TimeoutStartSec=300
TimeoutStopSec=300
Delegate=yes
KillMode=process
SyslogIdentifier=concourse
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576
LimitNPROC=infinity

[Install]
WantedBy=multi-user.target
`;

/**
 * @param start the whole command line
 * @param program what identifies the program: read back from the running process, like a service's settings
 */
export function agentUnit(start: string, program: string): string {
  return `[Unit]
Description=Agent of this Concourse unit: fetches releases, watches the store and the services
StartLimitIntervalSec=0

[Service]
Type=exec
Environment=${CONFIG_HASH}=${program}
ExecStart=${start}
Restart=always
RestartSec=1
TimeoutStopSec=10
UMask=0022
Nice=5

[Install]
WantedBy=multi-user.target
`;
}

export const unitFile = (service: string): string => `/etc/systemd/system/${service}`;

/** Directories of ours with their modes; the keys in the first are each readable by their one user only. */
export const DIRECTORIES: readonly { path: string; mode: number }[] = [
  { path: CONFIG_DIRECTORY, mode: 0o755 },
  { path: INSTALL_DIRECTORY, mode: 0o755 },
  { path: WORK_DIRECTORY, mode: 0o755 },
];
