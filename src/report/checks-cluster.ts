/** What the model and the web say of the cluster. */

import type { Evidence } from "./evidence.ts";
import { APPLICATION, DATABASE, unitsOf } from "./names.ts";
import { seen, type Result } from "./verdict.ts";

export function everyStep({ problems }: Evidence): Result {
  return seen(problems.length === 0, problems.join("; ") || "every step of the scenario ended as it should");
}

export function postgresql({ status, databaseChannel }: Evidence): Result {
  const database = status?.applications[DATABASE];
  const messages = Object.entries(unitsOf(status, DATABASE)).map(
    ([name, unit]) => `${name} ${unit["workload-status"].current}, ${unit["workload-status"].message ?? ""}`,
  );
  const related = Object.values(status?.applications[APPLICATION]?.relations ?? {})
    .flat()
    .some((relation) => relation["related-application"] === DATABASE);
  // A local charm has none.
  const channel = database?.["charm-channel"] ?? "";
  const ofCharmhub = databaseChannel !== "";
  const ready = messages.filter((message) => (ofCharmhub ? / active, Primary/ : / active, /).test(message));
  return seen(
    channel === databaseChannel && related && (ofCharmhub ? ready.length === 1 : ready.length > 0),
    `${messages.join("; ") || "no unit"} (${channel || "local"}), ${related ? "integrated" : "not integrated"}`,
  );
}

/** One web and workers, with exactly the texts that operators know. */
export function fullStack({ status, version, units }: Evidence): Result {
  const texts = Object.entries(unitsOf(status, APPLICATION)).map(
    ([name, unit]) => [name, unit["workload-status"].current, unit["workload-status"].message ?? ""] as const,
  );
  const count = (text: string): number =>
    texts.filter(([, current, message]) => current === "active" && message === text).length;
  return seen(
    count(`Web server ready (v${version}) - port 8080`) === 1 &&
      count(`Worker ready (v${version})`) === units - 1 &&
      texts.length === units,
    texts.map(([name, current, message]) => `${name} ${current}, ${message}`).join("; ") || "no unit",
  );
}

export function registeredWorkers({ web, units, version }: Evidence): Result {
  const running = web.workers.filter(({ state }) => state === "running");
  const list = web.workers.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
  const names = new Set(running.map(({ name }) => name));
  return seen(
    web.problem === "" && web.version === version && running.length === units - 1 && names.size === running.length,
    `${web.url}/api/v1/workers of Concourse ${web.version ?? "(no answer)"}, logged in with get-admin-password: ${list}${web.problem === "" ? "" : ` (${web.problem})`}`,
  );
}
