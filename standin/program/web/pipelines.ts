/**
 * Pipelines, as far as a check of their resources needs them: no job runs, and a check finds the same version each time.
 * It is kept as upstream keeps it, with the digest of the web's own version, so that a web on the schema of another one
 * fails as upstream's does (concourse/concourse, atc/db/resource_config_scope.go, atc/exec/check_step.go).
 */

import type { Sql } from "../database.ts";
import { messageOf, type Log } from "../log.ts";
import { AT_LEAST_8_0 } from "../version.ts";

interface Config {
  readonly resources?: readonly { readonly name: string; readonly type: string }[];
}

export interface Build {
  readonly id: number;
  readonly name: string;
  readonly status: string;
}

const VERSION = { version: "mock" };

export class Pipelines {
  readonly #sql: Sql;
  readonly #log: Log;

  constructor(sql: Sql, log: Log) {
    this.#sql = sql;
    this.#log = log;
  }

  list(): Promise<readonly unknown[]> {
    return this.#sql`SELECT pipelines.id, pipelines.name, paused, false AS archived, true AS public, teams.name AS team_name
      FROM pipelines JOIN teams ON teams.id = team_id ORDER BY pipelines.id`;
  }

  /** @throws Error if the text is not JSON, which is all the YAML that this program reads. */
  async save(team: string, name: string, text: string): Promise<"created" | "updated"> {
    const { resources = [] } = JSON.parse(text) as Config;
    return this.#sql.begin(async (sql) => {
      const [row] = await sql`INSERT INTO pipelines (name, team_id) SELECT ${name}, id FROM teams WHERE name = ${team}
        ON CONFLICT (team_id, name) DO UPDATE SET name = excluded.name RETURNING id, xmax = 0 AS created`;
      const id = Number(row?.["id"]);
      for (const resource of resources) {
        await sql`INSERT INTO resources (name, type, pipeline_id) VALUES (${resource.name}, ${resource.type}, ${id})
          ON CONFLICT (pipeline_id, name) DO UPDATE SET type = excluded.type`;
      }
      return row?.["created"] === true ? "created" : "updated";
    });
  }

  /** False: there is no such pipeline. */
  async unpause(team: string, name: string): Promise<boolean> {
    const rows = await this.#sql`UPDATE pipelines SET paused = false FROM teams
      WHERE teams.id = team_id AND teams.name = ${team} AND pipelines.name = ${name} RETURNING pipelines.id`;
    return rows.length > 0;
  }

  /** Null: there is no such resource. */
  async check(team: string, pipeline: string, resource: string): Promise<Build | null> {
    const scope = await this.#resource(team, pipeline, resource);
    if (scope === null) return null;
    let failure: string | null = null;
    try {
      await this.#saveVersion(scope);
    } catch (error) {
      failure = `save versions: ${messageOf(error)}`;
      this.#log.error("check-step.failed", failure, { resource });
    }
    const status = failure === null ? "succeeded" : "errored";
    const [row] = await this.#sql`INSERT INTO builds (name, status, error) VALUES ('check', ${status}, ${failure})
      RETURNING id`;
    return { id: Number(row?.["id"]), name: "check", status };
  }

  async build(id: number): Promise<Build | null> {
    const [row] = await this.#sql`SELECT name, status FROM builds WHERE id = ${id}`;
    return row === undefined ? null : { id, name: row["name"] as string, status: row["status"] as string };
  }

  /** Null: there is no such resource. */
  async versions(team: string, pipeline: string, resource: string): Promise<readonly unknown[] | null> {
    const scope = await this.#resource(team, pipeline, resource);
    if (scope === null) return null;
    return this.#sql`SELECT id, version, true AS enabled FROM resource_config_versions
      WHERE resource_config_scope_id = ${scope} ORDER BY id DESC`;
  }

  async #resource(team: string, pipeline: string, resource: string): Promise<number | null> {
    const [row] = await this.#sql`SELECT resources.id FROM resources
      JOIN pipelines ON pipelines.id = pipeline_id JOIN teams ON teams.id = team_id
      WHERE teams.name = ${team} AND pipelines.name = ${pipeline} AND resources.name = ${resource}`;
    return row === undefined ? null : Number(row["id"]);
  }

  async #saveVersion(scope: number): Promise<void> {
    const version = this.#sql.json(VERSION);
    if (AT_LEAST_8_0) {
      await this.#sql`INSERT INTO resource_config_versions (resource_config_scope_id, version, version_sha256)
        VALUES (${scope}, ${version}, encode(digest(${version}::jsonb::text, 'sha256'), 'hex'))
        ON CONFLICT (resource_config_scope_id, version_sha256) DO NOTHING`;
    } else {
      await this.#sql`INSERT INTO resource_config_versions (resource_config_scope_id, version, version_md5)
        VALUES (${scope}, ${version}, md5(${version}::jsonb::text))
        ON CONFLICT (resource_config_scope_id, version_md5) DO NOTHING`;
    }
  }
}
