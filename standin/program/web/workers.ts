/** Workers and their states, kept in PostgreSQL (concourse/concourse, atc/db/worker*.go, atc/gc/worker_collector.go). */

import type { Sql } from "../database.ts";

/** A worker as it registers itself and as the API lists it (atc/worker.go). */
export interface Worker {
  addr: string;
  baggageclaim_url: string;
  active_containers: number;
  active_volumes: number;
  active_tasks: number;
  resource_types: readonly unknown[] | null;
  platform: string;
  tags: readonly string[] | null;
  team: string;
  name: string;
  version: string;
  /** Seconds since the epoch. */
  start_time: number;
  ephemeral: boolean;
  state: string;
}

export type Outcome = "done" | "unknown" | "refused";

export class Workers {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async list(): Promise<Worker[]> {
    const rows = await this.#sql`
      SELECT w.*, extract(epoch FROM w.start_time)::float8 AS started, t.name AS team_name
      FROM workers w LEFT JOIN teams t ON t.id = w.team_id ORDER BY w.name`;
    return rows.map(toWorker);
  }

  /**
   * Adds the worker, or takes it back whatever state it was in. `ttl`: milliseconds until it stalls unless it is heard
   * of again. False: the team does not exist, or the name belongs to another team.
   */
  async register(worker: Worker, ttl: number): Promise<boolean> {
    const team = await this.#teamId(worker.team);
    if (team === undefined) return false;
    const rows = await this.#sql`
      INSERT INTO workers (name, addr, baggageclaim_url, active_containers, active_volumes, active_tasks, resource_types,
        platform, tags, team_id, version, start_time, ephemeral, state, expires)
      VALUES (${worker.name}, ${worker.addr}, ${worker.baggageclaim_url}, ${worker.active_containers},
        ${worker.active_volumes}, ${worker.active_tasks}, ${JSON.stringify(worker.resource_types)}, ${worker.platform},
        ${JSON.stringify(worker.tags)}, ${team}, ${worker.version}, to_timestamp(${worker.start_time}),
        ${worker.ephemeral}, 'running', now() + ${`${ttl} ms`}::interval)
      ON CONFLICT (name) DO UPDATE SET addr = excluded.addr, baggageclaim_url = excluded.baggageclaim_url,
        active_containers = excluded.active_containers, active_volumes = excluded.active_volumes,
        active_tasks = excluded.active_tasks, resource_types = excluded.resource_types, platform = excluded.platform,
        tags = excluded.tags, version = excluded.version, start_time = excluded.start_time,
        ephemeral = excluded.ephemeral, state = 'running', expires = excluded.expires
      WHERE workers.team_id IS NOT DISTINCT FROM excluded.team_id
      RETURNING name`;
    return rows.length > 0;
  }

  /** A sign of life brings a stalled worker back and leaves landing, landed and retiring ones as they are. */
  async heartbeat(worker: Worker, ttl: number): Promise<string | null> {
    const [row] = await this.#sql`
      UPDATE workers SET expires = now() + ${`${ttl} ms`}::interval, active_containers = ${worker.active_containers},
        active_volumes = ${worker.active_volumes},
        addr = CASE WHEN state = 'landed' THEN addr ELSE ${worker.addr} END,
        baggageclaim_url = CASE WHEN state = 'landed' THEN baggageclaim_url ELSE ${worker.baggageclaim_url} END,
        state = CASE WHEN state IN ('landing', 'landed', 'retiring') THEN state ELSE 'running' END
      WHERE name = ${worker.name} RETURNING state`;
    return (row?.["state"] as string | undefined) ?? null;
  }

  async land(name: string): Promise<Outcome> {
    return outcome(
      await this.#sql`
        UPDATE workers SET state = CASE WHEN state = 'landed' THEN state ELSE 'landing' END
        WHERE name = ${name} RETURNING name`,
    );
  }

  async retire(name: string): Promise<Outcome> {
    return outcome(await this.#sql`UPDATE workers SET state = 'retiring' WHERE name = ${name} RETURNING name`);
  }

  async delete(name: string): Promise<Outcome> {
    return outcome(await this.#sql`DELETE FROM workers WHERE name = ${name} RETURNING name`);
  }

  /** Refused for a running worker. */
  async prune(name: string): Promise<Outcome> {
    const gone = await this.#sql`DELETE FROM workers WHERE name = ${name} AND state <> 'running' RETURNING name`;
    if (gone.length > 0) return "done";
    const left = await this.#sql`SELECT name FROM workers WHERE name = ${name}`;
    return left.length > 0 ? "refused" : "unknown";
  }

  /**
   * One tick of the collector. There are never builds here, so landing and retiring workers are drained at once.
   * `prune`: milliseconds after which a stalled worker is removed; 0 = never.
   */
  async collect(prune: number): Promise<void> {
    const sql = this.#sql;
    await sql`DELETE FROM workers WHERE state = 'retiring' OR (ephemeral AND expires < now())`;
    await sql`
      UPDATE workers SET state = 'landed', addr = NULL, baggageclaim_url = NULL, expires = NULL, active_containers = 0,
        active_volumes = 0, resource_types = NULL
      WHERE state = 'landing'`;
    await sql`UPDATE workers SET state = 'stalled' WHERE state = 'running' AND expires < now()`;
    if (prune > 0) {
      await sql`DELETE FROM workers WHERE state = 'stalled' AND expires < now() - ${`${prune} ms`}::interval`;
    }
  }

  async #teamId(name: string): Promise<number | null | undefined> {
    if (name === "") return null;
    const [row] = await this.#sql`SELECT id FROM teams WHERE lower(name) = ${name.toLowerCase()}`;
    return row?.["id"] as number | undefined;
  }
}

const outcome = (rows: readonly unknown[]): Outcome => (rows.length > 0 ? "done" : "unknown");

function toWorker(row: Readonly<Record<string, unknown>>): Worker {
  const json = (value: unknown) => JSON.parse((value as string | null) ?? "null") as string[] | null;
  return {
    addr: (row["addr"] as string | null) ?? "",
    baggageclaim_url: (row["baggageclaim_url"] as string | null) ?? "",
    active_containers: row["active_containers"] as number,
    active_volumes: row["active_volumes"] as number,
    active_tasks: row["active_tasks"] as number,
    resource_types: json(row["resource_types"]),
    platform: row["platform"] as string,
    tags: json(row["tags"]),
    team: (row["team_name"] as string | null) ?? "",
    name: row["name"] as string,
    version: row["version"] as string,
    start_time: Math.floor(row["started"] as number),
    ephemeral: row["ephemeral"] as boolean,
    state: row["state"] as string,
  };
}
