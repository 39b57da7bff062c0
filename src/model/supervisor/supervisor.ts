/**
 * The process behind a model: owns its state, its machines and its servers. It lives in the model's network and may be
 * killed at any moment: machines keep running, and the next one carries on from `model.json`.
 */

import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineKind, Network } from "../../machines/machine.ts";
import { sourceOf } from "../mirror/files.ts";
import { startMirror, type Mirror } from "../mirror/mirror.ts";
import type { StatusData } from "../state/model.ts";
import { Exposure } from "./exposure.ts";
import { Fleet } from "./fleet.ts";
import { HookCalls } from "./hook-calls.ts";
import { startHookServer } from "./hook-server.ts";
import { killContexts } from "./leftovers.ts";
import { LiveModel } from "./live-model.ts";
import { OutsideLink } from "./outside-link.ts";
import type { ModelPaths } from "./paths.ts";
import { PlayedApplications } from "./played.ts";
import { startRequestServer } from "./protocol.ts";
import { startNameServer } from "./name-server.ts";
import { startProxy } from "./proxy.ts";
import { StatusHistory } from "./status-history.ts";
import { Ticker } from "./timer.ts";
import { HOOK_PORT } from "./unit-agent.ts";
import { handle } from "./verbs.ts";

export const PROXY_PORT = 17073;
export const MIRROR_PORT = 17080;

export interface Start {
  readonly paths: ModelPaths;
  readonly network: Network;
  readonly kind: MachineKind;
  /** Descriptor of this process that holds the host's network namespace open. */
  readonly hostNetwork: number;
}

export class Supervisor {
  readonly model: LiveModel;
  readonly kind: MachineKind;
  readonly fleet: Fleet;
  readonly played: PlayedApplications;
  readonly exposure: Exposure;
  readonly history: StatusHistory;
  readonly #ticker: Ticker;
  readonly #start: Start;
  #outside: OutsideLink | null = null;
  #servers: Server[] = [];
  #mirror: Mirror | null = null;
  #closing = false;

  constructor(start: Start) {
    this.#start = start;
    this.kind = start.kind;
    this.model = new LiveModel(start.paths, start.network);
    this.fleet = new Fleet(this.model, start.kind);
    this.played = new PlayedApplications(this.model);
    this.exposure = new Exposure(this.model, () => this.#outside);
    this.#ticker = new Ticker(this.model);
    this.history = new StatusHistory(start.paths.statusLog);
  }

  /** Opens all servers, takes hold of what runs, and answers requests. Ends with false if there is one already. */
  async start(): Promise<boolean> {
    const { paths, network } = this.#start;
    if (!(await this.#isOnlyOne())) return false;
    writeFileSync(paths.pid, `${process.pid}\n`);
    killContexts(this.model.record.running);
    this.model.record.running = [];
    await this.#openOutside();
    const onError = (error: unknown): void => this.model.note("ERROR", "model", (error as Error).message);
    const calls = new HookCalls(this.model, this.fleet);
    this.#servers.push(await startHookServer(network.address, HOOK_PORT, calls, onError));
    this.#servers.push(await startProxy(network.address, PROXY_PORT, async (host, port) => this.#out.dial(host, port)));
    if (network.reach !== "inside")
      await startNameServer(
        network.address,
        async (question) => this.#out.ask(question),
        async () => this.#out.dialNameServer(),
      );
    await this.openMirror();
    // First, so that it sees each state before what follows from it.
    this.model.onChange(() => this.history.see(this.model.state.status(this.model.now())));
    this.model.onChange(() => this.#settle());
    rmSync(paths.socket, { force: true });
    this.#servers.push(await startRequestServer(paths.socket, (call) => handle(this, call)));
    this.model.changed();
    return true;
  }

  /** What `status` shows, with the supervisor's own remark. */
  status(): StatusData {
    const { notes } = this.model.record;
    const data = this.model.state.status(this.model.now());
    return notes === ""
      ? data
      : { ...data, model: { ...data.model, status: { ...data.model.status, message: notes } } };
  }

  get mirror(): Mirror | null {
    return this.#mirror;
  }

  get proxyUrl(): string {
    return `http://${this.model.network.address}:${PROXY_PORT}`;
  }

  /** Serves the release that the record names, if it names one that is still there: caches may be cleared. */
  async openMirror(): Promise<void> {
    await this.#mirror?.close();
    this.#mirror = null;
    const { mirror } = this.model.record;
    if (mirror === null) return;
    const log = join(this.model.paths.root, "log", "mirror.jsonl");
    const { release, throttle } = mirror;
    const releases = await sourceOf(release);
    if (releases === null) {
      const next = "serve one with: concourse-machine mirror serve FILE";
      return this.model.note("ERROR", "model", `the mirror's release ${release} is gone: ${next}`);
    }
    const options = { address: this.model.network.address, port: MIRROR_PORT, releases, log, throttle };
    this.#mirror = await startMirror(options);
  }

  /** Ends everything the model has on this host, as far as this process knows it. The caller removes the files. */
  async destroy(): Promise<void> {
    this.#closing = true;
    this.#ticker.stop();
    await Promise.all([this.played.destroy(), this.fleet.destroy()]);
    await this.#mirror?.close();
    this.#outside?.stop();
  }

  #settle(): void {
    if (this.#closing) return;
    this.played.reconcile();
    this.fleet.reconcile();
    this.exposure.reconcile();
    this.#ticker.arm();
  }

  /** An abstract socket is there exactly as long as its process: the one lock that needs no clearing up. */
  async #isOnlyOne(): Promise<boolean> {
    const guard = createServer();
    guard.listen(`\0concourse-machine/${this.model.record.uuid}`);
    try {
      await once(guard, "listening");
      this.#servers.push(guard);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
      throw error;
    }
  }

  /** @throws Error for the moment in which the child is started anew. */
  get #out(): OutsideLink {
    if (this.#outside === null) throw new Error("the way out is being opened again");
    return this.#outside;
  }

  async #openOutside(): Promise<void> {
    const { inward, outward } = this.model.paths;
    this.#outside = await OutsideLink.start({
      hostNetwork: this.#start.hostNetwork,
      reach: this.#start.network.reach,
      inward,
      outward,
      target: (key, port) => this.exposure.target(key, port),
      onExit: () => {
        this.#outside?.stop();
        this.#outside = null;
        this.exposure.forget();
        if (!this.#closing) void this.#openOutside().then(() => this.model.changed());
      },
    });
  }
}
