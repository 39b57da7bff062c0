/** `concourse migrate` (concourse/concourse, atc/atccmd/command.go). */

import { connect, currentVersion, migrateDatabase, openDatabase, type Sql } from "./database.ts";
import { Failure } from "./failure.ts";
import { MIGRATE_OPTIONS } from "./option-table.ts";
import { readSettings, type Settings } from "./settings.ts";
import { MIGRATION } from "./version.ts";

export async function migrate(args: readonly string[]): Promise<void> {
  const settings = readSettings(MIGRATE_OPTIONS, args, process.env);
  if (settings.flag("supported-db-version")) {
    console.log(MIGRATION);
    return;
  }
  const sql = openDatabase(settings);
  await connect(sql, settings);
  await act(sql, settings);
  await sql.end();
}

async function act(sql: Sql, settings: Settings): Promise<void> {
  if (settings.flag("current-db-version")) {
    console.log(await currentVersion(sql));
    return;
  }
  if (settings.flag("migrate-to-latest-version")) {
    await migrateDatabase(sql);
    return;
  }
  if (settings.has("migrate-db-to-version")) {
    await migrateDatabase(sql, settings.number("migrate-db-to-version"));
    console.log("Successfully migrated to version:", settings.number("migrate-db-to-version"));
    return;
  }
  if (settings.has("old-encryption-key")) return;
  throw new Failure(
    "must specify one of `--migrate-to-latest-version`, `--current-db-version`, `--supported-db-version`, `--migrate-db-to-version`, or `--old-encryption-key`",
  );
}
