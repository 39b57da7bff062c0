/** Ports of exposed applications on 127.0.0.1 of the host. */

import type { LiveModel } from "./live-model.ts";
import type { Opened, OutsideLink } from "./outside-link.ts";

/** TCP ports of a list like `80/tcp`, `8000-8010/udp`; ranges are not relayed. */
function tcpPorts(ports: readonly { protocol: string; from: number; to: number }[]): number[] {
  return ports.filter((port) => port.protocol === "tcp" && port.from === port.to).map((port) => port.from);
}

export class Exposure {
  readonly #model: LiveModel;
  readonly #link: () => OutsideLink | null;
  /** `app:port` → what is open on the host, or how far it came. */
  readonly #open = new Map<string, Opened | "opening" | "failed">();

  constructor(model: LiveModel, link: () => OutsideLink | null) {
    this.#model = model;
    this.#link = link;
  }

  /** Opens what exposed applications have opened since, closes what they have closed. */
  reconcile(): void {
    const wanted = new Set<string>();
    for (const [application, hostPorts] of Object.entries(this.#model.record.exposed)) {
      for (const port of this.#portsOf(application)) {
        const key = `${application}:${port}`;
        wanted.add(key);
        if (!this.#open.has(key)) void this.#openPort(key, application, port, hostPorts[String(port)]);
      }
    }
    for (const key of this.#open.keys()) {
      if (wanted.has(key)) continue;
      this.#link()?.close(key);
      this.#open.delete(key);
    }
  }

  opened(application: string): Opened[] {
    const entries = [...this.#open.values()].filter((entry) => typeof entry === "object");
    return entries.filter((entry) => owner(entry.application) === application);
  }

  /** True once every port that the application has opened so far is open on the host, or failed to. */
  isSettled(application: string): boolean {
    const entries = [...this.#portsOf(application)].map((port) => this.#open.get(`${application}:${port}`));
    return entries.every((entry) => entry !== undefined && entry !== "opening");
  }

  /** Where a connection to an exposed port goes: the first unit that opened it. */
  target(key: string, port: number): { host: string; port: number } | null {
    const application = owner(key);
    const { data } = this.#model.state;
    for (const unit of Object.values(data.units)) {
      if (unit.application !== application || !tcpPorts(unit.ports).includes(port)) continue;
      const host = data.machines[unit.machine]?.address;
      if (host !== undefined && host !== "") return { host, port };
    }
    return null;
  }

  /** The child outside has been started anew: nothing is open there. */
  forget(): void {
    this.#open.clear();
  }

  #portsOf(application: string): Set<number> {
    const units = Object.values(this.#model.state.data.units).filter((unit) => unit.application === application);
    return new Set(units.flatMap((unit) => tcpPorts(unit.ports)));
  }

  async #openPort(key: string, application: string, port: number, hostPort: number | undefined): Promise<void> {
    const link = this.#link();
    if (link === null) return;
    this.#open.set(key, "opening");
    try {
      const opened = await link.open(key, port, hostPort ?? port, hostPort !== undefined);
      this.#open.set(key, opened);
      // The same port again after a restart: people have written it down.
      const ports = this.#model.record.exposed[application];
      if (ports !== undefined) ports[String(port)] = opened.hostPort;
      this.#model.note("INFO", application, `127.0.0.1:${opened.hostPort} of the host leads to port ${port}`);
    } catch (error) {
      this.#open.set(key, "failed");
      this.#model.note("ERROR", application, (error as Error).message);
    }
    this.#model.changed();
  }
}

/** Application of a key `app:port`. */
function owner(key: string): string {
  return key.slice(0, key.lastIndexOf(":"));
}
