/** The look at everything once the scenario has run. What cannot be seen is a problem of its own, and the rest is seen all the same. */

import type { Engine, Prepared } from "./engine.ts";
import type { Change, Evidence, StatusDocument } from "./evidence.ts";
import { listHostDirectory } from "./host-directory.ts";
import type { Juju } from "./juju.ts";
import { LOOK_SCRIPT, parseLook } from "./look.ts";
import { APPLICATION, DATABASE, unitsOf } from "./names.ts";
import { askWeb } from "./web.ts";

type Observed = Pick<
  Evidence,
  | "status"
  | "table"
  | "workloads"
  | "agents"
  | "machines"
  | "looks"
  | "storage"
  | "sharedStorage"
  | "served"
  | "host"
  | "web"
  | "problems"
>;

export async function observe(juju: Juju, prepared: Prepared, engine: Engine): Promise<Observed> {
  const problems: string[] = [];
  const look = async <T>(what: string, otherwise: T, see: () => Promise<T>): Promise<T> => {
    try {
      return await see();
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  const status = await look<StatusDocument | null>("status", null, () => juju.status());
  const ours = unitsOf(status, APPLICATION);
  const units = Object.keys(ours);
  const everyUnit = [...units, ...Object.keys(unitsOf(status, DATABASE))];
  const machines = Object.values(ours).map(({ machine }) => machine);
  const logs = (entities: readonly string[], type: string): Promise<Record<string, Change[]>> =>
    look(`status log (${type})`, {}, () => each(entities, (entity) => juju.log(entity, type)));
  return {
    status,
    table: await look("status", "", () => juju.call("status")),
    workloads: await logs(everyUnit, "workload"),
    agents: await logs(units, "juju-unit"),
    machines: await logs(machines, "juju-machine"),
    looks: await look("store and services", {}, async () =>
      Object.fromEntries(
        Object.entries(await juju.exec(units, LOOK_SCRIPT)).map(([unit, output]) => [unit, parseLook(output)]),
      ),
    ),
    storage: await look("storage-status", {}, () => juju.action(units, "storage-status")),
    sharedStorage: await look("option shared-storage", "", async () =>
      (await juju.call("config", APPLICATION, "shared-storage")).trim(),
    ),
    served: await look("release mirror", null, () => engine.served()),
    host: await look("host's directory", null, async () =>
      prepared.hostDirectory === null ? null : listHostDirectory(prepared.hostDirectory),
    ),
    web: await askWeb(prepared.url(webAddress(ours)), () => credentials(juju)),
    problems,
  };
}

async function each<T>(names: readonly string[], see: (name: string) => Promise<T>): Promise<Record<string, T>> {
  const seen: Record<string, T> = {};
  for (const name of names) seen[name] = await see(name);
  return seen;
}

function webAddress(units: ReturnType<typeof unitsOf>): string {
  const web = Object.values(units).find((unit) => unit["workload-status"].message?.startsWith("Web server"));
  return web?.["public-address"] ?? "";
}

async function credentials(juju: Juju): Promise<{ username: string; password: string }> {
  const [results] = Object.values(await juju.action([`${APPLICATION}/leader`], "get-admin-password"));
  return { username: String(results?.["username"]), password: String(results?.["password"]) };
}
