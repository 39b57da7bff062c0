/**
 * What one hook, action or exec sees and holds back until it ends: fixed membership, what it has read, what it wants
 * to write. Juju 3.6: internal/worker/uniter/runner/context/context.go.
 */
import type { HookInfo, Operation } from "../../contract.ts";
import type { ApplicationRow, Bag, Core, PortRow, RelationRow, SecretGrant, UnitRow } from "../data.ts";
import type { LocalRelation } from "../agent-data.ts";
import { applicationOf, asBytes } from "../names.ts";
import { existing, isLeader } from "../rows.ts";
import { remoteApplication } from "../scopes.ts";
import { effectiveSettings } from "../settings.ts";
import type { ConfigValue, RunPlace, StatusValue, Task } from "../types.ts";
import { knownRelations } from "./relation-hooks.ts";

/** Changes by key; "" deletes. */
export type Delta = Record<string, string>;

export interface ContextRelation {
  readonly row: RelationRow;
  readonly local: LocalRelation;
  /** Fixed when the context is made, sorted as strings. */
  readonly members: readonly string[];
  readonly unitDelta: Delta;
  readonly applicationDelta: Delta;
  /** Read at most once per context: application bags, and bags of units that are no members. */
  readonly read: { applications: Record<string, Bag>; others: Record<string, Bag> };
}

export interface PendingSecret {
  /** A secret added by this hook. */
  readonly created: { readonly owner: { kind: "application" | "unit"; name: string } } | null;
  label?: string;
  description?: string;
  rotate?: string;
  expire?: number;
  /** base64 by key */
  values?: Bag;
  /** A `secret-get --refresh` of the update that is pending: track it once it is there. */
  track?: boolean;
}

export interface PendingPort extends PortRow {
  readonly open: boolean;
}

export class HookContext {
  readonly core: Core;
  readonly unit: UnitRow;
  readonly operation: Operation;
  readonly place: RunPlace;
  readonly contextId: string;
  readonly hook: HookInfo | null;
  readonly task: Task | null;
  readonly relations: ReadonlyMap<number, ContextRelation>;
  /** The relation commands mean when they are not told. */
  readonly relationId: number | null;
  readonly remoteUnit: string;
  readonly remoteApp: string;

  readonly ports: PendingPort[] = [];
  readonly secrets = new Map<string, PendingSecret>();
  /** Secret id → revision, or null for all of it. */
  readonly secretRemovals = new Map<string, number | null>();
  readonly grants: (SecretGrant & { readonly secret: string })[] = [];
  readonly revokes: { readonly secret: string; readonly name: string }[] = [];
  readonly storageAdds: { readonly name: string; readonly count: number }[] = [];
  /** The unit's own store with this hook's changes; null = not touched. */
  state: Bag | null = null;
  failure: string | null = null;
  reboot: "no" | "after" | "now" = "no";
  /** Results of `action-set`. */
  results: Record<string, unknown> = {};

  #settings: Record<string, ConfigValue | null> | null = null;
  #status: StatusValue | null = null;
  #leaderSettings: Bag | null = null;

  constructor(core: Core, unit: UnitRow, operation: Operation, place: RunPlace, contextId: string, task: Task | null) {
    this.core = core;
    this.unit = unit;
    this.operation = operation;
    this.place = place;
    this.contextId = contextId;
    this.task = task;
    this.hook = operation.kind === "hook" ? operation.hook : null;
    this.relationId = this.hook?.relationId ?? task?.relation?.id ?? null;
    this.remoteUnit = this.hook?.remoteUnit ?? task?.relation?.remoteUnit ?? "";
    this.remoteApp = this.hook?.remoteApp ?? (this.remoteUnit === "" ? "" : applicationOf(this.remoteUnit));
    this.relations = new Map(
      knownRelations(core.data, unit).map(({ relation, local }) => [relation.id, this.#relation(relation, local)]),
    );
  }

  #relation(row: RelationRow, local: LocalRelation): ContextRelation {
    const own = this.hook?.relationId === row.id ? this.hook : null;
    const members = new Set(Object.keys(local.members));
    if (own?.remoteUnit !== undefined) {
      if (own.name.endsWith("-relation-departed")) members.delete(own.remoteUnit);
      else members.add(own.remoteUnit);
    }
    return {
      row,
      local,
      members: [...members].toSorted(asBytes),
      unitDelta: {},
      applicationDelta: {},
      read: { applications: {}, others: {} },
    };
  }

  /** Looked up each time: a run may outlive nothing it belongs to. */
  get application(): ApplicationRow {
    return existing(this.core.data.applications, this.unit.application);
  }

  get leads(): boolean {
    return isLeader(this.core.data, this.unit);
  }

  /** The application on the other side of the context's relation; of a peer relation the own one. */
  remoteApplicationOf(relation: ContextRelation): string {
    return remoteApplication(relation.row, this.unit.application);
  }

  /** Read once per hook at the first use. */
  settings(): Record<string, ConfigValue | null> {
    this.#settings ??= effectiveSettings(this.core, this.application);
    return this.#settings;
  }

  /** Kept from the first read on, also over a `status-set`. */
  status(): StatusValue {
    this.#status ??= this.unit.workload;
    return this.#status;
  }

  leaderSettings(): Bag {
    this.#leaderSettings ??= { ...this.application.leaderSettings };
    return this.#leaderSettings;
  }

  forgetLeaderSettings(): void {
    this.#leaderSettings = null;
  }

  /** The unit's own store as this hook left it. */
  ownState(): Bag {
    return this.state ?? this.unit.state;
  }

  editState(): Bag {
    this.state ??= { ...this.unit.state };
    return this.state;
  }
}
