/** Applications that the model plays itself: runs the plug-ins and tells them when their relations change. */

import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pluginFor } from "../plugins/index.ts";
import type { Plugin, PluginHost, PluginInstance } from "../contract.ts";
import type { LiveModel } from "./live-model.ts";
import { pumpPlayed } from "./played-unit.ts";

/** Milliseconds until something that failed is tried again. */
const RETRY_AFTER = 3000;
/** Milliseconds between two looks at what the plug-ins run. */
const LOOK_EVERY = 1000;

interface Played {
  readonly plugin: Plugin;
  readonly host: PluginHost;
  readonly instance: PluginInstance;
  /** What `start` and `reconcile` were last called for. */
  config: string;
  relations: string;
  busy: boolean;
}

export class PlayedApplications {
  readonly #model: LiveModel;
  readonly #played = new Map<string, Played>();
  readonly #looks: NodeJS.Timeout;
  #closing = false;

  constructor(model: LiveModel) {
    this.#model = model;
    this.#looks = setInterval(() => this.#look(), LOOK_EVERY).unref();
  }

  /** One that is busy, or whose first start has yet to succeed, is looked after by that. */
  #look(): void {
    for (const [name, { busy, config, instance }] of this.#played)
      if (!busy && config !== "")
        instance.look().catch((error: unknown) => this.#model.note("ERROR", name, (error as Error).message));
  }

  /** To be called after every change; calls plug-ins only when something of theirs differs. */
  reconcile(): void {
    if (this.#closing) return;
    const { data } = this.#model.state;
    for (const application of Object.values(data.applications)) {
      const plugin = pluginFor(data.charms[application.charm]?.info.name ?? "");
      const isPlayed = data.charms[application.charm]?.info.channel !== null;
      if (plugin !== undefined && isPlayed && !this.#played.has(application.name))
        this.#create(application.name, plugin);
    }
    for (const [name, played] of this.#played) {
      if (data.applications[name] === undefined) void this.#destroy(name, played);
      else void this.#bringUpToDate(name, played);
    }
    for (const unit of Object.values(data.units)) {
      const played = this.#played.get(unit.application);
      if (played !== undefined) pumpPlayed(this.#model, unit.name, (name, params) => runAction(played, name, params));
    }
  }

  async destroy(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#looks);
    await Promise.all([...this.#played].map(([name, played]) => this.#destroy(name, played)));
  }

  #create(application: string, plugin: Plugin): void {
    const { state, network, paths } = this.#model;
    const view = state.pluginView(application, () => this.#model.now());
    const directory = join(paths.plugins, application);
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const changed = <A extends unknown[], R>(method: (...args: A) => R): ((...args: A) => R) => {
      return (...args) => {
        const result = method(...args);
        this.#model.changed();
        return result;
      };
    };
    const host: PluginHost = {
      application,
      unit: view.unit,
      modelUuid: view.modelUuid,
      directory,
      address: network.address,
      enter: network.enter,
      setStatus: changed((status, message) => view.setStatus(status, message)),
      setVersion: changed((version) => view.setVersion(version)),
      openPort: changed((port) => view.openPort(port)),
      // Relations hand out databags and secrets: any use may have changed one.
      relations: changed((endpoint) => view.relations(endpoint)),
      log: changed((level, message) => view.log(level, message)),
    };
    const instance = plugin.create(host);
    this.#played.set(application, { plugin, host, instance, config: "", relations: "", busy: false });
  }

  /** Values of the options with defaults, as the plug-in wants them. */
  #config(application: string): Record<string, string | number | boolean> {
    const { settings } = this.#model.state.getConfig(application);
    const set = Object.entries(settings).filter(([, option]) => option.value !== undefined);
    return Object.fromEntries(set.map(([name, option]) => [name, option.value as string | number | boolean]));
  }

  /** Everything a plug-in can see of its relations, as text to compare. */
  #relationsOf(played: Played): string {
    const seen = Object.keys(played.plugin.endpoints).map((endpoint) =>
      this.#model.state
        .pluginView(played.host.application, () => this.#model.now())
        .relations(endpoint)
        .map((relation) => [
          relation.id,
          relation.remoteApp,
          relation.remoteAppData(),
          relation.remoteUnits.map((unit) => [unit, relation.remoteUnitData(unit)]),
        ]),
    );
    return JSON.stringify(seen);
  }

  async #bringUpToDate(name: string, played: Played): Promise<void> {
    if (played.busy || this.#closing) return;
    const config = this.#config(name);
    const configText = JSON.stringify(config);
    const relations = this.#relationsOf(played);
    if (configText === played.config && relations === played.relations) return;
    played.busy = true;
    try {
      if (configText !== played.config) await played.instance.start(config);
      await played.instance.reconcile();
      played.config = configText;
      played.relations = relations;
    } catch (error) {
      this.#model.note("ERROR", name, (error as Error).message);
      setTimeout(() => this.#model.changed(), RETRY_AFTER).unref();
      return;
    } finally {
      played.busy = false;
    }
    this.#model.changed();
  }

  async #destroy(name: string, played: Played): Promise<void> {
    this.#played.delete(name);
    await played.instance.destroy();
    await rm(played.host.directory, { recursive: true, force: true });
  }
}

async function runAction(
  played: Played,
  name: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, string>>> {
  const handler = played.instance.actions[name];
  if (handler === undefined) throw new Error(`action "${name}" not defined on unit "${played.host.unit}"`);
  return handler(params);
}
