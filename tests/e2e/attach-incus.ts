/**
 * `storage` on containers of a real Incus that look as Juju's do: right name, right keys. Juju itself is a double. Needs the
 * daemon of `machines prepare --machines incus`.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Overview } from "../../src/cli/storage/overview.ts";
import { hostExec } from "../../src/host/exec.ts";
import { Doubles } from "../fixtures/storage/doubles.ts";
import { containerName, LAB, OTHER, storageAnswer, type ModelSpec } from "../fixtures/storage/world.ts";

const DAEMON = "/var/lib/concourse-machine-incus/daemon";
/** Where `machines prepare` keeps its image. */
const PROJECT = "concourse-machine";
/** In the names of containers; another one than in tests with doubles. */
const UUID = `${LAB.slice(0, -6)}5107a9`;
const [first, second, foreign] = ["0", "1", "2"].map((machine) => containerName(UUID, machine)) as [
  string,
  string,
  string,
];
const lab: ModelSpec = {
  name: "admin/lab",
  uuid: UUID,
  project: PROJECT,
  applications: { ci: { 0: { machine: "0" }, 1: { machine: "1" }, 2: { machine: "2" } } },
};

export function attachFindsContainers(): void {
  let doubles: Doubles;
  let store: string;

  beforeAll(async () => {
    const answer = storageAnswer("6f91c3bf-1111-4222-8333-444455556666");
    doubles = new Doubles({ models: [lab], instances: {}, answers: { "ci/0": answer, "ci/1": answer } }, ["juju"]);
    doubles.install("incus", `INCUS_DIR=${DAEMON} INCUS_CONF=${doubles.directory}/incus exec /usr/bin/incus "$@"`);
    store = join(doubles.directory, "store");
    const [image] = (await incus("image", "list", "--format", "csv", "-c", "l")).split("\n");
    await Promise.all(
      [first, second, foreign].map((name) =>
        incus("launch", image ?? "", name, "-c", `user.juju-model-uuid=${name === foreign ? OTHER : UUID}`),
      ),
    );
  });
  afterAll(async () => {
    for (const name of [first, second, foreign]) await incus("delete", "--force", name).catch(() => "");
    doubles.remove();
  });

  const environment = (): Record<string, string> => ({
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    INCUS_DIR: DAEMON,
    INCUS_CONF: join(doubles.directory, "incus"),
  });
  /** `launch` reads its standard input to the end: it has to have one. */
  const incus = async (...words: string[]): Promise<string> => {
    const argv = ["/usr/bin/incus", "--project", PROJECT, ...words];
    const { code, stdout, stderr } = await hostExec.run(argv, { environment: environment() });
    if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${stderr}`);
    return stdout.trim();
  };
  const inside = (name: string, script: string): Promise<string> => incus("exec", name, "--", "sh", "-c", script);
  const status = async (): Promise<Overview> =>
    JSON.parse((await doubles.run("storage", "status", "ci", "--json")).stdout) as Overview;

  test("running containers of the model see the directory as their own; another model's does not", async () => {
    const { code, stdout } = await doubles.run("storage", "attach", "ci", store);
    expect(stdout).toMatch(/^ci\/0: attached to .* read-write; store 6f91/m);
    expect(stdout).toContain(`ci/2: not done: ${foreign} here belongs to another model (${OTHER})\n`);
    expect(code).toBe(1);
    for (const name of [first, second])
      expect(await inside(name, "stat -c '%u %a' /var/lib/concourse && ls -A /var/lib/concourse")).toBe(
        "0 755\n.lxc_shared_storage",
      );
    await inside(first, "echo here > /var/lib/concourse/word");
    expect(await inside(second, "cat /var/lib/concourse/word; stat -c %u /var/lib/concourse/word")).toBe("here\n0");
    expect(await inside(foreign, "ls /var/lib/concourse 2>&1 || true")).toContain("No such file");
    const again = await doubles.run("storage", "attach", "ci", store);
    expect(again.stderr).toContain("Nothing was changed");
  });

  test("who has the lock is named, also when it is frozen, and the lock stays with its holder", async () => {
    const words = ["--project", PROJECT, "exec", first, "--", "sh", "-c"];
    const script = "exec 9>/var/lib/concourse/.install.lock && flock -n 9 && echo locked && read word";
    const holder = spawn("/usr/bin/incus", [...words, script], {
      env: environment(),
      stdio: ["pipe", "pipe", "inherit"],
    });
    expect(String((await once(holder.stdout, "data"))[0])).toContain("locked");
    expect((await status()).stores[0]?.lock).toMatchObject([{ unit: "ci/0", frozen: false }]);

    await incus("pause", first);
    const frozen = await status();
    expect(frozen.units[0]).toMatchObject({ state: "Frozen", answer: { silence: "its container is frozen" } });
    expect(frozen.stores[0]?.lock).toMatchObject([{ unit: "ci/0", frozen: true }]);
    const { stdout } = await doubles.run("storage", "status", "ci");
    expect(stdout).toMatch(/Lock +held by ci\/0 \(process \d+\), which is frozen/);
    const refused = await doubles.run("storage", "detach", "ci");
    expect(refused.stdout).toContain(`ci/0: not done: ${first} is frozen: incus resume local:${first}`);
    expect(refused.stdout).toContain(`ci/1: detached "concourse-shared" from ${second}\n`);

    await incus("resume", first);
    holder.stdin.end();
    await once(holder, "close");
    expect((await status()).stores[0]?.lock).toEqual([]);
  });

  test("detached, it is gone from the containers and stays on the host", async () => {
    await doubles.run("storage", "detach", "ci");
    expect(await inside(first, "cat /proc/self/mountinfo")).not.toContain(" /var/lib/concourse ");
    expect(await inside(second, "cat /proc/self/mountinfo")).not.toContain(" /var/lib/concourse ");
    expect((await status()).units.slice(0, 2).map(({ attached }) => attached)).toEqual([null, null]);
  });
}
