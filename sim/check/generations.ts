/** Generations, as leaders say them and units follow them. */
import type { Cluster } from "../../src/relations/peers.ts";
import type { Application } from "../juju/model.ts";
import { committed } from "../world/committed.ts";
import type { SimUnit } from "../world/unit.ts";

export class Generations {
  readonly #report: (rule: string, message: string) => void;
  readonly #followed = new Map<string, number>();
  readonly #said = new Map<Application, { readonly generation: number; readonly what: string }>();

  constructor(report: (rule: string, message: string) => void) {
    this.#report = report;
  }

  /** A unit has noted what it goes by from now on. */
  followed({ member, name }: SimUnit, { generation }: Cluster): void {
    const before = this.#followed.get(member) ?? 0;
    if (generation < before)
      this.#report("no unit's generation falls", `${name} follows ${generation} after ${before}`);
    this.#followed.set(member, generation);
  }

  /** A leader has committed what it decided: something else bears a higher number. */
  said(application: Application): void {
    const cluster = committed(application);
    if (cluster === null) return;
    const { generation, ...rest } = cluster;
    const what = JSON.stringify(rest);
    const before = this.#said.get(application);
    if (before !== undefined && what !== before.what && generation <= before.generation)
      this.#report("a generation means one thing", `${application.name} says ${generation} after ${before.generation}`);
    this.#said.set(application, { generation, what });
  }

  /** What it said before is not what it goes on from: it may say the same number once more. */
  forget(application: Application): void {
    this.#said.delete(application);
  }
}
