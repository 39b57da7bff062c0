import type { ClusterSecret } from "../agent/contract.ts";
import type { HookEnvironment } from "../juju/environment.ts";
import { HookCommandError, type GoalState, type HookTools } from "../juju/hook-tools.ts";
import { addressOf, readApplicationBag, readReport } from "../relations/peers.ts";
import { readAnswer, REQUEST, secretsOf, type Answer } from "../relations/postgresql.ts";
import {
  memberName,
  roleIn,
  type DatabaseFacts,
  type Facts,
  type LocalFacts,
  type Peers,
  type SecretFacts,
} from "./facts.ts";
import { readOptions } from "./options.ts";
import { readFlight, readTsa } from "./read-tsa.ts";

export const SECRET_LABEL = "concourse-cluster";
const NO_DATABASE: DatabaseFacts = { relation: null, requested: false, answer: null, unreadable: null };

/**
 * Reads what Juju and the machine say. Commands that do not wait for each other's answers run side by side: what a hook
 * costs is the longest chain, not the number of commands.
 *
 * @param machine reads the local facts, once the web's port is known
 */
export async function readFacts(
  environment: HookEnvironment,
  tools: HookTools,
  machine: (webPort: number) => Promise<LocalFacts>,
): Promise<Facts> {
  const configuration = tools.config().then(readOptions);
  const leading = tools.isLeader();
  const looking = configuration.then(({ options }) => machine(options.webPort));
  const peering = readPeers(environment, tools, leading);
  const ours = Promise.all([leading, peering]).then(([leader, peers]) => ({
    leader,
    peers,
    web: isWeb(environment, peers),
    fetcher: isFetcher(environment, peers),
  }));
  const [
    settings,
    leader,
    peers,
    { flight, surplusFlights },
    tsa,
    openedPorts,
    status,
    local,
    goals,
    secret,
    database,
  ] = await Promise.all([
    configuration,
    leading,
    peering,
    readFlight(environment, tools),
    ours.then(({ leader, web, fetcher }) =>
      readTsa(environment, tools, { leader, looksAtAll: leader || web || fetcher }),
    ),
    // Only a unit that is or was the web has opened one.
    ours.then(({ peers, web }) => (web || peers === null || peers.report?.web ? tools.openedPorts() : [])),
    tools.status(),
    looking,
    ours.then(({ leader, fetcher }) =>
      leader || fetcher || isLeaving(environment) ? readGoals(environment, tools, looking) : NO_GOALS,
    ),
    ours.then(({ leader, peers }) => readSecret(environment, tools, leader, peers)),
    Promise.all([ours, configuration]).then(([{ leader, web }, { options }]) =>
      web || (leader && options.mode !== "worker") ? readDatabase(environment, tools, leader, web) : NO_DATABASE,
    ),
  ]);
  return {
    environment,
    ...settings,
    ending: await readEnding(tools, missing(environment, peers, database, flight)),
    leader,
    peers,
    flight,
    surplusFlights,
    tsa,
    ...goals,
    openedPorts,
    secret,
    database,
    status,
    local,
  };
}

/** Endpoints without a relation that this unit cannot do its work without. */
function missing(
  environment: HookEnvironment,
  peers: Peers | null,
  database: DatabaseFacts,
  flight: Facts["flight"],
): string[] {
  const ofWeb = isWeb(environment, peers) && database.relation === null ? ["postgresql"] : [];
  return peers?.cluster?.mode === "worker" && flight === null ? [...ofWeb, "flight"] : ofWeb;
}

/** Of these, those whose old relation the controller still has: a new one would be refused. */
async function readEnding(tools: HookTools, endpoints: readonly string[]): Promise<string[]> {
  if (endpoints.length === 0) return [];
  const goal = await goalOf(tools);
  return endpoints.filter((endpoint) => Object.keys(goal?.relations?.[endpoint] ?? {}).length > 0);
}

/** Null if Juju cannot tell: a unit that vanishes between its look-ups fails the command. */
const goalOf = (tools: HookTools): Promise<GoalState | null> =>
  tools.goalState().catch((error: unknown) => {
    if (error instanceof HookCommandError) return null;
    throw error;
  });

const isWeb = ({ unit }: HookEnvironment, peers: Peers | null): boolean =>
  peers?.cluster != null && roleIn(peers.cluster, unit) === "web";

const isFetcher = ({ unit }: HookEnvironment, peers: Peers | null): boolean => peers?.cluster?.fetcher === unit;

const isLeaving = ({ event }: HookEnvironment): boolean => event.name === "stop" || event.name === "remove";

/**
 * A worker goes by the web's word alone, and by nobody's where the web is another application; whoever leads, fetches, runs
 * a web, or leaves looks at all.
 */
async function readPeers(
  environment: HookEnvironment,
  tools: HookTools,
  leading: Promise<boolean>,
): Promise<Peers | null> {
  const { unit, application } = environment;
  const [relation] = await tools.relationIds("peers");
  if (!relation) return null;
  const [own, shared, leader] = await Promise.all([
    tools.unitBag(relation, unit),
    // Once this unit knows that it leads, nobody else's word is committed any more: what it reads then is the last one.
    leading.then(() => tools.applicationBag(relation, application)),
    leading,
  ]);
  const { cluster, secret } = readApplicationBag(shared);
  const web = cluster?.web ?? null;
  const concerned = cluster !== null && (roleIn(cluster, unit) === "web" || cluster.fetcher === unit);
  const all = leader || concerned || isLeaving(environment);
  const units = all ? await tools.relationUnits(relation) : [];
  const others = unique([...units, ...(web !== null && web !== unit ? [web] : [])]);
  const bags = await Promise.all(others.map((name) => readPeerBag(tools, relation, name, units.includes(name))));
  return {
    relation,
    cluster,
    secretUri: secret,
    address: addressOf(own),
    report: readReport(own),
    others: others.map((name, i) => {
      const bag = bags[i] ?? {};
      return { unit: name, address: addressOf(bag), report: readReport(bag) };
    }),
  };
}

/**
 * The web's bag counts before its `joined` hook has run here, which on a new unit may come last of many: Juju lets a unit
 * read any peer that has entered the relation (Juju 3.6, apiserver/facades/agent/uniter, ReadRemoteSettings).
 */
function readPeerBag(
  tools: HookTools,
  relation: string,
  unit: string,
  joined: boolean,
): Promise<Record<string, string>> {
  const bag = tools.unitBag(relation, unit);
  return joined ? bag : bag.catch(notYet);
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];

type Goals = Pick<Facts, "alive" | "departed" | "aliveBehindTsa" | "leaving">;

const NO_GOALS: Goals = { alive: null, departed: [], aliveBehindTsa: null, leaving: [] };

/** Applications of other models stand there by their URL, such as `admin/prod.workers`. */
const UNIT = /^[^/]+\/\d+$/;

/** Where Juju cannot tell, nothing is decided. */
async function readGoals(environment: HookEnvironment, tools: HookTools, looking: Promise<LocalFacts>): Promise<Goals> {
  const leasing = (await looking).agent?.leasing ?? [];
  const goal = await goalOf(tools);
  if (goal === null) return NO_GOALS;
  const behindTsa = goal.relations?.["tsa"] ?? {};
  const units = (goals: Readonly<Record<string, { status: string }>>, dying: boolean): string[] =>
    Object.entries(goals)
      .filter(([name, { status }]) => UNIT.test(name) && (status === "dying") === dying)
      .map(([name]) => name);
  const present = new Set(Object.keys(goal.units).map((unit) => memberName(environment, unit)));
  return {
    alive: units(goal.units, false),
    departed: leasing.filter((member) => !present.has(member)),
    aliveBehindTsa: units(behindTsa, false),
    leaving: [...units(goal.units, true), ...units(behindTsa, true)],
  };
}

/** The label first: it finds the secret also between its making and the commit of its URI. Only the web reads what is in it. */
async function readSecret(
  environment: HookEnvironment,
  tools: HookTools,
  leader: boolean,
  peers: Peers | null,
): Promise<SecretFacts> {
  const [id, content] = await Promise.all([
    leader ? tools.ownSecretId(SECRET_LABEL) : null,
    isWeb(environment, peers) && peers?.secretUri ? tools.secret({ uri: peers.secretUri }) : null,
  ]);
  return { id, exists: id !== null || (peers?.secretUri ?? null) !== null, content: asClusterSecret(content) };
}

export function asClusterSecret(content: Readonly<Record<string, string>> | null): ClusterSecret | null {
  const fields = ["admin-password", "admin-password-hash", "session-signing-key", "tsa-host-key"];
  return content && fields.every((field) => content[field]) ? (content as unknown as ClusterSecret) : null;
}

async function readDatabase(
  { application }: HookEnvironment,
  tools: HookTools,
  leader: boolean,
  web: boolean,
): Promise<DatabaseFacts> {
  const [relation] = await tools.relationIds("postgresql");
  if (!relation) return NO_DATABASE;
  const [requested, answer] = await Promise.all([
    leader
      ? tools
          .ownApplicationBag(relation, application)
          .then((bag) => bag === null || Object.entries(REQUEST).every(([key, value]) => bag[key] === value))
      : true,
    web ? readDatabaseAnswer(tools, relation) : null,
  ]);
  return { relation, requested, answer: answer?.orders ?? null, unreadable: answer?.unreadable ?? null };
}

async function readDatabaseAnswer(tools: HookTools, relation: string): Promise<Answer> {
  const provider = await tools.relationApplication(relation);
  const bag = await tools.applicationBag(relation, provider).catch(notYet);
  const { user, tls } = secretsOf(bag);
  const [userContent, tlsContent] = await Promise.all([
    user ? tools.secret({ uri: user }) : null,
    tls ? tools.secret({ uri: tls }) : null,
  ]);
  return readAnswer(bag, userContent, tlsContent);
}

/** Who has not entered the relation yet, or has not said its first word, has nothing to read. */
function notYet(error: unknown): Record<string, string> {
  if (error instanceof HookCommandError) return {};
  throw error;
}
