/** A check of a resource, asked for by the API: the least that says whether a web, its database and its workers work. */

import { holds } from "./row.ts";
import { until, type World } from "./world.ts";

const AT = "/api/v1/teams/main/pipelines/checked";

/** Status in which a check of a `mock` resource ends: `succeeded`, or what it is that goes wrong. */
export async function checkResource(world: World): Promise<string> {
  const body = JSON.stringify({
    resources: [{ name: "thing", type: "mock", check_every: "never" }],
    jobs: [{ name: "job", plan: [{ get: "thing" }] }],
  });
  const current = await world.ask(`${AT}/config`);
  const version = current.headers.get("x-concourse-config-version");
  const headers = {
    "content-type": "application/x-yaml",
    ...(version === null ? {} : { "x-concourse-config-version": version }),
  };
  const saved = await world.ask(`${AT}/config`, { method: "PUT", headers, body });
  holds(saved.ok, `the pipeline was not taken: ${saved.status}`);
  await world.ask(`${AT}/unpause`, { method: "PUT" });
  const asked = await world.ask(`${AT}/resources/thing/check`, { method: "POST", body: "{}" });
  if (!asked.ok) return `refused with ${asked.status}`;
  let build = (await asked.json()) as { id: number; status: string };
  await until("the check ends", 60, async () => {
    const answer = await world.ask(`/api/v1/builds/${build.id}`);
    holds(answer.ok, `the check's build answered ${answer.status}`);
    build = (await answer.json()) as typeof build;
    return !["pending", "started"].includes(build.status);
  });
  return build.status;
}

/** Versions of it that are known. */
export async function knownVersions(world: World): Promise<number> {
  const answer = await world.ask(`${AT}/resources/thing/versions`);
  holds(answer.ok, `its versions answered ${answer.status}`);
  return ((await answer.json()) as unknown[]).length;
}
