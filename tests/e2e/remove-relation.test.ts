/**
 * A database and a web application that are taken away: the service that needs them is down, and the status says so, within
 * seconds and without help of update-status; and the same relations made anew bring both back. On both lines of Juju.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import { JUJU_LINES } from "../../src/model/state/juju-line.ts";
import { APPLICATION, ARCH, DATABASE, deployConcourse, WEB, WORKER, type Concourse } from "./concourse.ts";
import { PATIENCE } from "./survival.ts";
import { Tool, unitsOf } from "./tool.ts";

const WORKERS = "worker";
/**
 * Milliseconds from the operator's command to the right status, the service down: aim, and what only a busy machine needs.
 * Nothing but the relation's own hooks would bring it in an hour.
 */
const [AIM, AT_ONCE] = [5_000, 30_000];
const [web, worker] = [`${APPLICATION}/0`, `${WORKERS}/0`];

describe.each(JUJU_LINES)("as Juju %s", (agentVersion) => {
  let tool: Tool;
  let concourse: Concourse;

  beforeAll(async () => {
    tool = await Tool.create(`relations-${agentVersion.replace(".", "")}`);
    const charm = await packCharm(ARCH);
    concourse = await deployConcourse(tool, { charm, agentVersion, units: 1, config: { mode: "web" } });
    const config = ["--config", "mode=worker", "--config", "shared-storage=lxc"];
    await tool.ok("deploy", "-m", tool.model, charm, WORKERS, ...config, "--disk", `${concourse.disk}:ro`);
    await tool.ok("integrate", "-m", tool.model, `${WORKERS}:flight`, `${APPLICATION}:tsa`);
    await concourse.ready(PATIENCE);
  }, 2 * PATIENCE);
  afterAll(() => tool.remove());

  /** Removes the relation; the milliseconds until the unit's service is down and its status is like this. */
  async function remove(ends: readonly [string, string], unit: string, service: string, text: RegExp): Promise<number> {
    const seen = shows(unit, text);
    const began = Date.now();
    await concourse.ask("remove-relation", { a: ends[0], b: ends[1] });
    await seen;
    await concourse.inUnit(unit, `while systemctl is-active --quiet ${service}; do sleep 0.05; done`);
    const took = Date.now() - began;
    process.stdout.write(`Juju ${agentVersion}: ${unit} without ${ends[1]} after ${took} ms (aim: ${AIM} ms)\n`);
    return took;
  }

  const shows = (unit: string, text: RegExp): Promise<unknown> =>
    tool.until(`${unit} ${text}`, (status) => text.test(unitsOf(status)[unit]?.workload.message ?? ""), PATIENCE);

  test("the web application behind a worker", async () => {
    const ends = [`${WORKERS}:flight`, `${APPLICATION}:tsa`] as const;
    expect(await remove(ends, worker, WORKER, /integrate worker:flight <web-app>:tsa$/)).toBeLessThan(AT_ONCE);
    await shows(worker, /^Relate to a web application: /);
    expect(await concourse.mainPid(web, WEB)).toBeGreaterThan(0);
    await tool.ok("integrate", "-m", tool.model, ...ends);
    await tool.active(web, worker);
  });

  test("the database of a web: its password is forgotten, and the status asks only for what Juju grants", async () => {
    const ends = [`${APPLICATION}:postgresql`, DATABASE] as const;
    expect(await remove(ends, web, WEB, /juju integrate .*:postgresql postgresql$/)).toBeLessThan(AT_ONCE);
    expect(await concourse.inUnit(web, "ls /etc/concourse")).not.toContain("web.env");
    await shows(web, /^PostgreSQL is required: juju integrate/);
    await tool.ok("integrate", "-m", tool.model, ...ends);
    await tool.active(web, worker);
  });

  test("the version that a new unit takes away is told again", async () => {
    const shown = async (): Promise<string> => (await tool.active()).applications[APPLICATION]?.version ?? "";
    expect(await shown()).toBe("7.14.3");
    await tool.ok("add-unit", "-m", tool.model, APPLICATION);
    await tool.active(`${APPLICATION}/1`);
    expect(await shown()).toBe("7.14.3");
  });
});
