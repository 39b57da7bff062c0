/**
 * The machine as the charm's reconcile sees it, in place of `src/charm/machine.ts` and `apply.ts`: the same facts, the
 * same steps. What the charm notes and links is written to the machine's disk by the production functions.
 */
import { createHash } from "node:crypto";
import {
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  WORKER_KEY_FILE,
  type AgentState,
  type Orders,
} from "../../src/agent/contract.ts";
import { CURRENT_RELEASE, INSTALL_DIRECTORY } from "../../src/concourse/services.ts";
import { MEMORY } from "../../src/charm/machine.ts";
import { writeWhole } from "../../src/charm/write-file.ts";
import { replaceLink, using } from "../../src/store/files.ts";
import type { Facts, LocalFacts } from "../../src/charm/facts.ts";
import { NotYet, type Step, type Verb } from "../../src/charm/plan.ts";
import type { Machine as CharmMachine } from "../../src/charm/reconcile.ts";
import { AGENT_SERVICE } from "../../src/concourse/services.ts";
import type { Cluster } from "../../src/relations/peers.ts";
import { whyNotYet } from "../../src/store/adopt.ts";
import { leaveStore } from "../../src/store/leave.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import type { Ports } from "../../src/ports.ts";
import type { Machine } from "../disk/machine.ts";
import type { FileNode } from "../disk/nodes.ts";
import type { CharmMemory } from "./charm-memory.ts";
import type { Services } from "./services.ts";

export interface CharmMachineWorld {
  readonly unit: string;
  readonly member: string;
  readonly disk: Machine;
  readonly memory: CharmMemory;
  readonly services: Services;
  /** Identity of the charm's program as it is unpacked now. */
  readonly program: () => string;
  /** Lets others go first: between two things that a hook does. */
  readonly pause: (what: string) => Promise<void>;
  readonly ports: Pick<Ports, "fs" | "random">;
  readonly followed: (cluster: Cluster) => void;
  readonly linked: (release: string) => void;
  /** A service is about to get this from systemd. */
  readonly served: (service: string, verb: Verb) => void;
}

export function charmMachine(world: CharmMachineWorld): CharmMachine {
  const { memory, disk, services } = world;

  async function read(): Promise<LocalFacts> {
    await world.pause("read orders");
    const orders = json<Orders>(disk, ORDERS_FILE);
    await world.pause("read state");
    const agent = json<AgentState>(disk, STATE_FILE);
    await world.pause("read services");
    const mine = orders?.unit === world.unit;
    return {
      arch: "amd64",
      occupant: null,
      claimed: memory.claimedBy === world.unit,
      stopped: memory.stopped,
      program: world.program(),
      agentProgram: memory.agentProgram,
      userExists: memory.userExists,
      orders: mine ? orders : null,
      agent: mine ? agent : null,
      followed: memory.followed,
      current: memory.current,
      files: Object.fromEntries(memory.files),
      heeds: memory.heeds,
      reloadPending: memory.reloadPending,
      services: services.facts(),
      portTaken: null,
      resolver: { nameservers: ["10.0.0.1"], others: [] },
    };
  }

  const note = (path: string, text: string): Promise<void> => writeWhole(world.ports.fs, path, text, 0o600);

  async function apply(step: Step, facts: Facts): Promise<void> {
    await world.pause(`apply ${step.do}`);
    switch (step.do) {
      case "claim-machine":
        for (const path of [ORDERS_FILE, STATE_FILE, NEW_CLUSTER_SECRET_FILE, MEMORY.followed, WORKER_KEY_FILE])
          disk.remove(path);
        await note(MEMORY.owner, world.unit);
        return void Object.assign(memory, { claimedBy: world.unit, followed: null });
      case "create-user":
        memory.userExists = true;
        return;
      case "follow":
        await note(MEMORY.followed, JSON.stringify(step.cluster));
        memory.followed = step.cluster;
        return world.followed(step.cluster);
      case "install-agent":
        memory.agentProgram = world.program();
        return services.control(AGENT_SERVICE, "restart");
      case "write":
        memory.paths.add(step.path);
        await note(step.path, step.content);
        return void memory.files.set(step.path, step.content);
      case "remove":
        memory.files.delete(step.path);
        return disk.remove(step.path);
      case "link-release":
        return linkRelease(step.name, step.manifestSha256);
      case "reload-units":
        return;
      case "service":
        world.served(step.service, step.verb);
        return services.control(step.service, step.verb);
      case "mark-reload":
        await note(MEMORY.reloadPending, "");
        return void (memory.reloadPending = true);
      case "reload-keys":
        memory.reloadPending = false;
        return disk.remove(MEMORY.reloadPending);
      case "order":
        return note(ORDERS_FILE, JSON.stringify(step.orders));
      case "heed":
        if (step.web === null) disk.remove(MEMORY.heeds);
        else await note(MEMORY.heeds, step.web);
        return void (memory.heeds = step.web);
      case "give-up-lease":
        if (facts.local.orders) await leaveStore(world.ports, facts.local.orders.store, step.last);
        return;
      case "clear-machine":
        for (const path of [ORDERS_FILE, STATE_FILE, NEW_CLUSTER_SECRET_FILE, MEMORY.followed, CURRENT_RELEASE])
          disk.remove(path);
        disk.remove(MEMORY.owner);
        Object.assign(memory, { claimedBy: null, followed: null, current: null, agentProgram: null });
    }
  }

  /** As `linkRelease` of `src/charm/link-release.ts`: looks once more, then the link jumps. */
  async function linkRelease(name: string, manifestSha256: string): Promise<void> {
    const late = await whyNotYet(world.ports, STORE_PATH, world.member, name);
    if (late !== null) throw new NotYet(late);
    await world.pause("look at release");
    const manifest = disk.bytes(`${STORE_PATH}/releases/${name}/manifest.json`);
    if (manifest === null || createHash("sha256").update(manifest).digest("hex") !== manifestSha256)
      throw new NotYet(`${name} is not the release that was agreed on`);
    await world.pause("swap link");
    const target = `${STORE_PATH}/releases/${name}`;
    await using(await world.ports.fs.openDirectory(INSTALL_DIRECTORY), (above) =>
      replaceLink(above, "current", target, "current.new"),
    );
    memory.current = name;
    world.linked(name);
  }

  return { read, apply };
}

/** Files as they were parsed: a new text is a new file. */
const parsed = new WeakMap<FileNode, unknown>();

function json<T>(disk: Machine, path: string): T | null {
  const node = disk.node(path);
  if (node?.kind !== "file") return null;
  let value = parsed.get(node);
  if (value === undefined) {
    value = parse(Buffer.from(node.buffer.subarray(0, node.size)).toString());
    parsed.set(node, value);
  }
  return value as T | null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
