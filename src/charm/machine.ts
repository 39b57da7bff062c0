import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { AGENT_DIRECTORY, ORDERS_FILE, STATE_FILE, type AgentState, type Orders } from "../agent/contract.ts";
import {
  AGENT_SERVICE,
  CONFIG_HASH,
  CURRENT_RELEASE,
  unitFile,
  USER,
  WEB_SERVICE,
  WORKER_SERVICE,
} from "../concourse/services.ts";
import { FILES } from "../concourse/settings.ts";
import type { HookEnvironment } from "../juju/environment.ts";
import { asCluster, type Cluster } from "../relations/peers.ts";
import { NOT_RUNNING, type LocalFacts, type Resolver, type ServiceFacts } from "./facts.ts";
import { HOSTS_FILE } from "./hosts.ts";
import { parseResolver } from "./resolver.ts";

/** Files of the charm's own memory; the agent's are in its contract. */
export const MEMORY = {
  /** Who this machine belongs to: one unit of this charm a machine. */
  owner: `${AGENT_DIRECTORY}/owner.json`,
  /** The unit that has begun its `stop`, by name: a later unit on the same machine is another one. */
  stopped: `${AGENT_DIRECTORY}/stopped`,
  /** The highest generation followed. */
  followed: `${AGENT_DIRECTORY}/followed.json`,
  /** `<unit> <web>`: read by `dispatch`. */
  heeds: `${AGENT_DIRECTORY}/heeds`,
  reloadPending: `${AGENT_DIRECTORY}/reload-pending`,
  program: `${AGENT_DIRECTORY}/program`,
} as const;

const SERVICES = [WEB_SERVICE, WORKER_SERVICE, AGENT_SERVICE];
const MANAGED = [...Object.values(FILES), ...SERVICES.map(unitFile), HOSTS_FILE];

export interface Owner {
  readonly unit: string;
  readonly modelUuid: string;
  readonly charmDirectory: string;
}

/**
 * Reads everything of {@link LocalFacts}.
 *
 * @param program path of the charm's bundled program
 * @param webPort looked at for strangers while our web does not answer
 */
export async function readMachine(environment: HookEnvironment, program: string, webPort: number): Promise<LocalFacts> {
  const [
    services,
    files,
    orders,
    agent,
    followed,
    owner,
    stopped,
    current,
    programHash,
    agentProgram,
    user,
    reload,
    resolver,
    heeds,
  ] = await Promise.all([
    readServices(),
    readFiles(MANAGED),
    json<Orders>(ORDERS_FILE),
    json<AgentState>(STATE_FILE),
    json<{ unit: string; modelUuid: string; cluster: Cluster }>(MEMORY.followed),
    json<Owner>(MEMORY.owner),
    text(MEMORY.stopped),
    link(CURRENT_RELEASE),
    hash(program),
    hash(`${MEMORY.program}/main.mjs`),
    text("/etc/passwd"),
    exists(MEMORY.reloadPending),
    readResolver(),
    text(MEMORY.heeds),
  ]);
  const mine = (who: { unit: string; modelUuid: string } | null): boolean =>
    who?.unit === environment.unit && who.modelUuid === environment.modelUuid;
  const web = services[WEB_SERVICE] ?? NOT_RUNNING;
  return {
    arch: process.arch === "x64" ? "amd64" : process.arch === "arm64" ? "arm64" : null,
    occupant: owner && !mine(owner) && (await exists(owner.charmDirectory)) ? owner.unit : null,
    claimed: mine(owner),
    stopped: stopped === `${environment.modelUuid} ${environment.unit}`,
    program: programHash ?? "",
    agentProgram,
    userExists: new RegExp(`^${USER}:`, "m").test(user ?? ""),
    orders: mine(orders) ? orders : null,
    agent: mine(orders) ? agent : null,
    followed: followed && mine(followed) ? asCluster(followed.cluster) : null,
    current: releaseOf(current),
    files,
    heeds: heeds?.startsWith(`${environment.unit} `) ? heeds.trim().slice(environment.unit.length + 1) : null,
    reloadPending: reload,
    services,
    portTaken: web.pid > 0 && agent?.web?.api === true ? null : await strangerOn([webPort, 2222], web.pid),
    resolver,
  };
}

const run = promisify(execFile);

async function readServices(): Promise<Record<string, ServiceFacts>> {
  const properties = "Id,ActiveState,UnitFileState,MainPID,NRestarts,ExecMainStartTimestamp";
  const { stdout } = await run("systemctl", ["show", `--property=${properties}`, ...SERVICES], {
    env: { ...process.env, TZ: "UTC" },
  });
  const blocks = stdout
    .trim()
    .split("\n\n")
    .map((block) => Object.fromEntries(block.split("\n").map(pair)));
  return Object.fromEntries(await Promise.all(blocks.map(readService)));
}

const pair = (line: string): [string, string] => {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
};

async function readService(shown: Record<string, string>): Promise<[string, ServiceFacts]> {
  const pid = Number(shown["MainPID"] ?? 0);
  const [program, environment] =
    pid > 0 ? await Promise.all([link(`/proc/${pid}/exe`), text(`/proc/${pid}/environ`)]) : [null, null];
  return [
    shown["Id"] ?? "",
    {
      active: shown["ActiveState"] ?? "inactive",
      enabled: shown["UnitFileState"] === "enabled",
      pid,
      since: seconds(shown["ExecMainStartTimestamp"] ?? ""),
      restarts: Number(shown["NRestarts"] ?? 0),
      release: releaseOf(program),
      config:
        environment
          ?.split("\0")
          .find((line) => line.startsWith(`${CONFIG_HASH}=`))
          ?.slice(CONFIG_HASH.length + 1) ?? null,
    },
  ];
}

/** `Sun 2026-11-22 15:40:01 UTC` in seconds since 1970; 0 for what never began. The weekday is in the locale's words. */
const seconds = (shown: string): number => {
  const [date, time] = /(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) UTC$/.exec(shown)?.slice(1) ?? [];
  return date === undefined ? 0 : Date.parse(`${date}T${time}Z`) / 1000;
};

/** `…/releases/<name>[/…]` → name. A deleted program's link ends in " (deleted)", which lies behind the name. */
const releaseOf = (path: string | null): string | null => /\/releases\/([^/]+)/.exec(path ?? "")?.[1] ?? null;

/**
 * Port on which a process listens that is not `pid`, first of `ports`; null if none. From /proc/net/tcp{,6} (state 0A is
 * LISTEN) and the sockets of the process.
 */
async function strangerOn(ports: readonly number[], pid: number): Promise<number | null> {
  const tables = await Promise.all([text("/proc/net/tcp"), text("/proc/net/tcp6")]);
  const listening = tables
    .flatMap((table) => (table ?? "").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => ({ port: Number.parseInt(fields[1]?.split(":")[1] ?? "0", 16), inode: fields[9] ?? "" }))
    .filter(({ port }) => ports.includes(port));
  if (listening.length === 0) return null;
  const own = new Set(pid > 0 ? await socketsOf(pid) : []);
  const strange = new Set(listening.filter(({ inode }) => !own.has(inode)).map(({ port }) => port));
  return ports.find((port) => strange.has(port)) ?? null;
}

async function socketsOf(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const links = await readdir(directory).then(
    (names) => Promise.all(names.map((name) => link(`${directory}/${name}`))),
    () => [],
  );
  return links.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target ?? "")?.[1] ?? []);
}

/** systemd-resolved, where it runs, names the real servers beside a file that names itself. */
async function readResolver(): Promise<Resolver> {
  const resolved = await text("/run/systemd/resolve/resolv.conf");
  return parseResolver(resolved ?? (await text("/etc/resolv.conf")) ?? "");
}

async function readFiles(paths: readonly string[]): Promise<Record<string, string | null>> {
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await text(path)] as const)));
}

const absent = (): null => null;
const text = (path: string): Promise<string | null> => readFile(path, "utf8").catch(absent);
const link = (path: string): Promise<string | null> => readlink(path).catch(absent);
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
const hash = (path: string): Promise<string | null> =>
  readFile(path).then((content) => createHash("sha256").update(content).digest("hex"), absent);

async function json<T>(path: string): Promise<T | null> {
  const content = await text(path);
  try {
    return content === null ? null : (JSON.parse(content) as T);
  } catch {
    return null;
  }
}
