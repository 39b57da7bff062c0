import type { AgentState, ClusterSecret, DatabaseOrders, Orders } from "../agent/contract.ts";
import type { HookEnvironment } from "../juju/environment.ts";
import type { Cluster, UnitReport } from "../relations/peers.ts";
import type { WebApplicationWord, WebBag, WorkerBag } from "../relations/tsa.ts";
import type { Mistake, Options } from "./options.ts";

/**
 * All that a decision of this charm may depend on, read once at the start of a hook. Plain data: `plan`, `lead`, `report`
 * and `status` are functions of it and of nothing else.
 */
export interface Facts {
  readonly environment: HookEnvironment;
  readonly options: Options;
  readonly mistakes: readonly Mistake[];
  readonly leader: boolean;
  readonly peers: Peers | null;
  /** The web application behind this one; null without relation `flight`. Of several the oldest. */
  readonly flight: Flight | null;
  /** Applications of further `flight` relations, which are not used. */
  readonly surplusFlights: readonly string[];
  /** Endpoints, `postgresql` or `flight`, that have lost a relation which is still being removed. */
  readonly ending: readonly string[];
  /** Worker applications behind this one: relations `tsa`. */
  readonly tsa: readonly Tsa[];
  /** Units that are not dying, as the controller sees them; null where this unit neither leads, fetches nor leaves. */
  readonly alive: readonly string[] | null;
  /**
   * Units that lease releases on the store and are gone, by their names there. They were seen on the store before Juju was
   * asked, so none of them is one that has come since; and Juju gives no number twice (Juju 3.6, state/application.go).
   */
  readonly departed: readonly string[];
  /** As `alive`, of the units behind `tsa`. */
  readonly aliveBehindTsa: readonly string[] | null;
  /** Dying units that Juju still has, here and behind `tsa`: they run what they run to its end. Known where `alive` is. */
  readonly leaving: readonly string[];
  readonly secret: SecretFacts;
  readonly database: DatabaseFacts;
  readonly openedPorts: readonly string[];
  readonly status: { readonly status: string; readonly message: string };
  readonly local: LocalFacts;
}

export interface Peers {
  readonly relation: string;
  readonly cluster: Cluster | null;
  /** URI of the cluster secret as the leader has committed it. */
  readonly secretUri: string | null;
  readonly address: string | null;
  readonly report: UnitReport | null;
  readonly others: readonly Peer[];
}

export interface Peer {
  readonly unit: string;
  readonly address: string | null;
  readonly report: UnitReport | null;
}

/** A relation `flight`, as a worker sees it. */
export interface Flight {
  readonly relation: string;
  /** The web application's name. */
  readonly application: string;
  readonly word: WebApplicationWord | null;
  readonly webs: readonly (WebBag & { readonly unit: string })[];
  /** Our own unit bag there. */
  readonly told: Bag;
}

/** A relation `tsa`, as a web sees it. */
export interface Tsa {
  readonly relation: string;
  /** The worker application's name; a made-up one where it lives in another model. */
  readonly application: string;
  /** UUID of that model; null if it is ours, or if this unit does not read `workers`. */
  readonly otherModel: string | null;
  /** Our own address towards it. */
  readonly address: string | null;
  /** Only on a unit that is a web, leads or fetches. */
  readonly workers: readonly (WorkerBag & { readonly unit: string })[];
  /** Our own unit bag there, and on the leader our application bag. */
  readonly told: Bag;
  readonly toldForAll: Bag | null;
}

export type Bag = Readonly<Record<string, string>>;

export interface SecretFacts {
  /** On the leader: the id under which Juju holds it, null if it does not. */
  readonly id: string | null;
  /** On the leader: Juju holds the secret. Elsewhere: true if app data names one. */
  readonly exists: boolean;
  /** Read by the web unit and for its action only: a worker's facts never hold it. */
  readonly content: ClusterSecret | null;
}

export interface DatabaseFacts {
  readonly relation: string | null;
  /** On the leader: the request is in our application bag. */
  readonly requested: boolean;
  /** On the web unit: what the provider answered, once complete. */
  readonly answer: DatabaseOrders | null;
  /** What of the answer cannot be read. */
  readonly unreadable: string | null;
}

/** What is on this machine. */
export interface LocalFacts {
  readonly arch: "amd64" | "arm64" | null;
  /** Another unit of this charm that lives on this machine; it was here first. */
  readonly occupant: string | null;
  /** This machine is noted as ours. */
  readonly claimed: boolean;
  /** `stop` has begun: from now on only tear-down. */
  readonly stopped: boolean;
  /** SHA-256 of the charm's program, and of the copy that the agent runs from; null if there is none. */
  readonly program: string;
  readonly agentProgram: string | null;
  readonly userExists: boolean;
  readonly orders: Orders | null;
  readonly agent: AgentState | null;
  readonly followed: Cluster | null;
  /** Name of the release that /opt/concourse/current leads to; null if there is no link. */
  readonly current: string | null;
  /** Contents of every file this charm may write, null if absent. */
  readonly files: Readonly<Record<string, string | null>>;
  /** The unit whose word alone this one is noted to go by. */
  readonly heeds: string | null;
  /** A reload of the authorised keys was begun and not seen to its end. */
  readonly reloadPending: boolean;
  readonly services: Readonly<Record<string, ServiceFacts>>;
  /** Listens on the web's port without being our web; only looked at while the web does not answer. */
  readonly portTaken: number | null;
  readonly resolver: Resolver;
}

/** How the machine looks up names. */
export interface Resolver {
  /** Loopback ones left out: what listens there does so for the machine alone. */
  readonly nameservers: readonly string[];
  /** The other lines of its resolv.conf: search domains and options. */
  readonly others: readonly string[];
}

export interface ServiceFacts {
  /** systemd's ActiveState. */
  readonly active: string;
  readonly enabled: boolean;
  /** 0 while no process runs. */
  readonly pid: number;
  /** When the process was started, in seconds since 1970 by the clock of then; 0 if none ever was. */
  readonly since: number;
  readonly restarts: number;
  /** Of the running process: the release its program lies in, and the hash it was started with. */
  readonly release: string | null;
  readonly config: string | null;
}

export const NOT_RUNNING: ServiceFacts = {
  active: "inactive",
  enabled: false,
  pid: 0,
  since: 0,
  restarts: 0,
  release: null,
  config: null,
};

/** What the unit goes by: never below a generation it has already followed. */
export function clusterOf(facts: Facts): Cluster | null {
  const committed = facts.peers?.cluster ?? null;
  const { followed } = facts.local;
  return followed && (!committed || committed.generation < followed.generation) ? followed : committed;
}

export type Role = "web" | "worker";

export function roleOf(facts: Facts): Role | null {
  const cluster = clusterOf(facts);
  return cluster && roleIn(cluster, facts.environment.unit);
}

export function roleIn({ mode, web }: Cluster, unit: string): Role | null {
  if (mode !== "auto") return mode;
  return web === null ? null : web === unit ? "web" : "worker";
}

/** Short form of the model's UUID: two models may hold units of one name. */
export const shortModel = (uuid: string): string => uuid.replaceAll("-", "").slice(0, 8);

/** Name of a unit, our own unless told otherwise, among all models: on the store, and as a Concourse worker. */
export function memberName({ modelUuid, ...environment }: HookEnvironment, unit = environment.unit): string {
  return `${shortModel(modelUuid)}-${unit.replace("/", "-")}`;
}

/** Name of an application on the store, our own unless told otherwise. */
export function applicationName(
  { modelUuid, ...environment }: HookEnvironment,
  application = environment.application,
): string {
  return `${shortModel(modelUuid)}-${application}`;
}

/** The unit's agent has the store's lock and works on a release. */
export const isFetching = (agent: AgentState | null): boolean =>
  agent?.fetch?.step === "downloading" || agent?.fetch?.step === "unpacking";

/** The unit that runs the web, as a peer; null when that is ourselves, or unknown. */
export function webPeer(facts: Facts): Peer | null {
  const web = clusterOf(facts)?.web;
  return facts.peers?.others.find((peer) => peer.unit === web) ?? null;
}

/** `7.14.3-linux-amd64-…` → `7.14.3` */
export const versionOf = (release: string | null): string | null => release?.split("-")[0] ?? null;

/** Where people reach the web whose unit has this address. */
export const externalUrl = (options: Options, address: string): string =>
  options.externalUrl ?? `http://${urlHost(address)}:${options.webPort}`;

/** An address as a URL wants it. */
export const urlHost = (address: string): string => (address.includes(":") ? `[${address}]` : address);

export { isCopyOf } from "../store/layout.ts";
