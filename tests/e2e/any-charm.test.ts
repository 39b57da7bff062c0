/** The local model runs any charm: a charm in shell, through all of Juju's verbs. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StatusData } from "../../src/model/state/types.ts";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { Tool, unitsOf } from "./tool.ts";

let tool: Tool;
let charm = "";

beforeAll(async () => {
  tool = await Tool.create("any-charm");
  charm = await packTinyCharm(join(tool.directory, "tiny.charm"));
  await tool.ok("add-model", tool.model);
});
afterAll(() => tool.remove());

async function trace(unit: string): Promise<string[]> {
  return (await tool.inUnit(unit, "cat /var/lib/tiny/trace"))
    .trim()
    .split("\n")
    .map((line) => line.trim());
}

test("deploy: the hooks of a first deployment, in Juju's order", async () => {
  const ran = await tool.run("deploy", "./tiny.charm", "one", "-n", "2", "--config", "greeting=hi");
  expect(ran.stderr).toBe(
    'Located local charm "tiny", revision 0\nDeploying "one" from local charm "tiny", revision 0 on ubuntu@24.04/stable\n',
  );
  expect(ran.code).toBe(0);
  const status = await tool.active("one/0", "one/1");
  const units = unitsOf(status);
  expect(units["one/1"]?.workload.message).toBe("hi from one/1");
  const leader = units["one/0"]?.leader === true ? "one/0" : "one/1";
  const hooks = await trace(leader);
  expect(hooks.slice(0, 5)).toEqual([
    "hooks/install",
    "hooks/cluster-relation-created",
    "hooks/leader-elected",
    "hooks/config-changed",
    "hooks/start",
  ]);
});

test("a hook's environment is Juju's and nothing else, its directory the charm's", async () => {
  const environment = await tool.inUnit("one/0", "cat /var/lib/tiny/environment");
  const names = environment
    .trim()
    .split("\n")
    .map((line) => line.split("=", 1)[0]);
  expect(names).toEqual(
    expect.arrayContaining(["CHARM_DIR", "JUJU_CONTEXT_ID", "JUJU_DISPATCH_PATH", "JUJU_VERSION", "LANG", "TERM"]),
  );
  // PWD and the like come from the shell itself.
  const foreign = names.filter(
    (name) => !/^(JUJU_|CHARM_DIR|PATH|LANG|TERM|CLOUD_API_VERSION|APT_|DEBIAN_|PWD|OLDPWD|SHLVL|_$)/.test(name ?? ""),
  );
  expect(foreign).toEqual([]);
  expect(environment).toMatch(/^PATH=\/var\/lib\/juju\/tools\/unit-one-0:/m);
  expect(await tool.inUnit("one/0", "cat /var/lib/tiny/cwd")).toContain("/var/lib/juju/agents/unit-one-0/charm");
});

test("config: a change fires config-changed once; what is set already fires nothing", async () => {
  expect(await tool.ok("config", "one", "greeting")).toBe("hi\n");
  const before = (await trace("one/0")).length;
  await tool.ok("config", "one", "greeting=hey");
  await tool.until("the new greeting", (status) => unitsOf(status)["one/0"]?.workload.message === "hey from one/0");
  await tool.ok("config", "one", "greeting=hey");
  await tool.active();
  expect((await trace("one/0")).slice(before)).toEqual(["hooks/config-changed"]);
  expect(await tool.run("config", "one", "bogus=1")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^ERROR .*bogus/),
  });
});

test("integrate: two applications of the charm hear each other", async () => {
  await tool.ok("deploy", "./tiny.charm", "two", "--resource", "blob=./tiny.charm");
  await tool.active("two/0");
  await tool.ok("integrate", "one:source", "two:sink");
  const heard = (log: string): boolean => log.includes("heard hello from two/0");
  await tool.until("relation", (status) =>
    status.relations.some(({ provider, status: state }) => provider === "two:sink" && state === "joined"),
  );
  await tool.active();
  const log = await tool.ok("debug-log", "--replay", "--no-tail", "--include", "one");
  expect(heard(log)).toBe(true);
  expect(log).toMatch(/^unit-one-0: \d\d:\d\d:\d\d INFO unit\.one\/0\.juju-log source:\d+: heard hello from two\/0$/m);
  expect(await tool.ok("status", "--relations")).toMatch(/^two:sink +one:source +tiny +regular +$/m);
});

test("a resource's file is seen by the unit, and a new one at once", async () => {
  const path = (await tool.inUnit("two/0", "resource-get blob")).trim();
  expect(path).toBe("/var/lib/juju/agents/unit-two-0/resources/blob/blob.txt");
  const size = (await readFile(charm)).length;
  expect((await tool.inUnit("two/0", `stat -c %s ${path}`)).trim()).toBe(`${size}`);
  await tool.ok("attach-resource", "two", `blob=${join(import.meta.dirname, "any-charm.test.ts")}`);
  await tool.active();
  expect(await trace("two/0")).toContain("hooks/upgrade-charm");
  expect(await tool.inUnit("two/0", `head -n1 $(resource-get blob)`)).toContain("The local model runs any charm");
});

test("run: results, log lines, defaults, failures and exit codes as Juju's", async () => {
  const ran = await tool.run("run", "one/0", "echo", "text=hello");
  expect(ran).toMatchObject({ code: 0, stdout: "text: hello\n\n" });
  expect(ran.stderr).toMatch(
    /^Running operation \d+ with 1 task\n {2}- task \d+ on unit-one-0\n\nWaiting for task \d+\.\.\.\n\d\d:\d\d:\d\d echoing\n\n$/,
  );
  expect((await tool.run("run", "one/leader", "echo")).stdout).toBe("text: nothing\n\n");
  const broken = await tool.run("run", "one/0", "break");
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/ERROR the following task failed:\n - id "\d+" with return code 3\n/);
  const unknown = await tool.run("run", "one/0", "bogus");
  expect(unknown).toMatchObject({ code: 0, stderr: expect.stringMatching(/failed to schedule any tasks:\n.*bogus/) });
});

test("exec: output, exit code, and hook commands", async () => {
  expect(await tool.run("exec", "--unit", "one/0", "--", "echo out; echo err >&2; exit 4")).toMatchObject({
    code: 1,
    stdout: "\nout\nerr\n",
  });
  expect((await tool.inUnit("one/0", "config-get greeting")).trim()).toBe("hey");
  expect((await tool.inUnit("one/0", "relation-ids cluster")).trim()).toBe("cluster:0");
});

test("juju-exec from a service of the unit's own, and not from within a hook", async () => {
  const script =
    "systemd-run --quiet --pipe --wait juju-exec -u one/0 'echo from $JUJU_UNIT_NAME; exit 5' >/tmp/out 2>&1; echo $? >>/tmp/out";
  // In the background: the commands wait for the hook that started them.
  await tool.inUnit("one/0", `(${script}; touch /tmp/done) >/dev/null 2>&1 & true`);
  await tool.inUnit("one/0", "true");
  const seen = await tool.inUnit(
    "one/0",
    "for i in $(seq 100); do [ -e /tmp/done ] && break; sleep 0.05; done; cat /tmp/out",
  );
  expect(seen.trim()).toBe("from one/0\n5");
  expect((await tool.run("exec", "--unit", "one/0", "--", "juju-exec -u one/0 true")).stdout).toContain(
    "juju-exec cannot be called from within a hook",
  );
});

test("a failing hook is an error with Juju's message; resolved runs it again or skips it", async () => {
  await tool.ok("model-config", "automatically-retry-hooks=false");
  await tool.ok("config", "two", "fail=config-changed");
  await tool.until("error", (status) => unitsOf(status)["two/0"]?.workload.current === "error");
  expect(await tool.ok("status")).toMatch(/^two\/0\* +error +idle .*hook failed: "config-changed"$/m);
  await tool.ok("resolved", "--no-retry", "two/0");
  await tool.until("skipped", (status) => unitsOf(status)["two/0"]?.workload.current !== "error");
  await tool.ok("config", "two", "fail=");
  await tool.active("two/0");
  expect(await tool.run("resolved", "two/0")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^ERROR .*two\/0/),
  });
});

test("refresh: files of the new charm, upgrade-charm, config-changed", async () => {
  const files = { version: "2.0\n", "added.txt": "new\n" };
  await packTinyCharm(join(tool.directory, "newer.charm"), files);
  await tool.inUnit("two/0", "touch kept.txt");
  const before = (await trace("two/0")).length;
  const ran = await tool.run("refresh", "two", "--path", "./newer.charm");
  expect(ran.stderr).toBe('Added local charm "tiny", revision 2, to the model\n');
  await tool.until("the new version", (status) => status.applications["two"]?.version === "2.0");
  await tool.active("two/0");
  expect((await trace("two/0")).slice(before)).toEqual(
    expect.arrayContaining(["hooks/upgrade-charm", "hooks/config-changed"]),
  );
  await packTinyCharm(join(tool.directory, "newest.charm"), { version: "3.0\n" });
  await tool.ok("refresh", "two", "--path", "./newest.charm");
  await tool.until("the newest version", (status) => status.applications["two"]?.version === "3.0");
  expect((await tool.inUnit("two/0", "ls")).trim().split("\n")).toEqual(
    expect.arrayContaining(["dispatch", "kept.txt"]),
  );
  expect(await tool.inUnit("two/0", "ls")).not.toContain("added.txt");
});

test("the supervisor killed: machines go on, and nothing is forgotten", async () => {
  const pid = await tool.supervisor();
  await tool.inUnit("one/0", "touch /run/still-the-same-boot");
  const before = (await trace("one/0")).length;
  process.kill(pid, "SIGKILL");
  expect(await tool.ok("status")).toMatch(/^one\/0/m);
  await tool.active();
  await tool.inUnit("one/0", "test -e /run/still-the-same-boot");
  expect((await trace("one/0")).slice(before).filter((hook) => hook === "hooks/start")).toEqual([]);
  expect(await tool.supervisor()).not.toBe(pid);
});

test("the supervisor killed in the middle of a hook: an error that is retried, and nothing left of the old run", async () => {
  await tool.ok("config", "two", "slow=config-changed");
  await tool.until("the hook", (status) => unitsOf(status)["two/0"]?.agent.message === "running config-changed hook");
  process.kill(await tool.supervisor(), "SIGKILL");
  const failed = await tool.until("error", (status) => unitsOf(status)["two/0"]?.workload.current === "error");
  expect(unitsOf(failed)["two/0"]?.workload.message).toBe('hook failed: "config-changed"');
  expect(await tool.inUnit("two/0", "cat /proc/[0-9]*/comm")).not.toContain("sleep");
  await tool.ok("config", "two", "slow=");
  await tool.ok("resolved", "two/0");
  await tool.active("two/0");
});

/** Waits until the unit's machine has booted anew since `status`, which may take less time than looking does. */
async function rebooted(unit: string, status: StatusData): Promise<void> {
  const id = unitsOf(status)[unit]?.machine ?? "";
  const before = status.machines[id]?.agent.since;
  await tool.until(`a reboot of ${unit}`, (now) => {
    const { current = "", since = before } = now.machines[id]?.agent ?? {};
    return current === "started" && since !== before;
  });
  await tool.active(unit);
}

test("juju-reboot: after the hook, or at once and the hook again", async () => {
  const before = (await trace("two/0")).length;
  let status = await tool.active("two/0");
  await tool.ok("config", "two", "reboot=later");
  await rebooted("two/0", status);
  expect((await trace("two/0")).slice(before)).toEqual(["hooks/config-changed", "hooks/start"]);
  status = await tool.active("two/0");
  await tool.ok("config", "two", "reboot=now");
  await rebooted("two/0", status);
  expect((await trace("two/0")).slice(before + 2)).toEqual([
    "hooks/config-changed",
    "hooks/config-changed",
    "hooks/start",
  ]);
  await tool.ok("config", "two", "reboot=");
  await tool.active("two/0");
});

test("a reboot of the machine, asked for here or inside: start once more", async () => {
  const before = (await trace("two/0")).length;
  const machine = unitsOf(await tool.active("two/0"))["two/0"]?.machine ?? "";
  await tool.ok("machine", "reboot", machine);
  await tool.active("two/0");
  expect((await trace("two/0")).slice(before)).toContain("hooks/start");
  const again = (await trace("two/0")).length;
  const status = await tool.active("two/0");
  await tool.inUnit("two/0", "systemctl reboot");
  await rebooted("two/0", status);
  expect((await trace("two/0")).slice(again)).toContain("hooks/start");
  expect(await tool.run("machine", "reboot", "99")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^ERROR machine 99 not found/),
  });
});

test("--to: two applications on one machine, each with its own disks, until one leaves", async () => {
  const machine = unitsOf(await tool.active("one/1"))["one/1"]?.machine ?? "";
  // One that opens no port: of units on one machine, one has it.
  await packTinyCharm(join(tool.directory, "guest.charm"), { dispatch: "#!/bin/sh\nexec status-set active\n" });
  const disk = `guest=${tool.directory}:/srv/guest`;
  await tool.ok("deploy", "./guest.charm", "guest", "--to", machine, "--disk", disk, "--resource", "blob=./tiny.charm");
  const status = await tool.active("guest/0", "one/1");
  expect(unitsOf(status)["guest/0"]).toMatchObject({ machine, address: unitsOf(status)["one/1"]?.address });
  await tool.inUnit("one/1", "test -e /srv/guest/tiny.charm && touch /run/shared");
  await tool.inUnit("guest/0", "test -e /run/shared && test -s $(resource-get blob)");
  expect((await tool.inUnit("guest/0", "echo $JUJU_UNIT_NAME; config-get greeting; pwd")).trim().split("\n")).toEqual([
    "guest/0",
    "hello",
    "/var/lib/juju/agents/unit-guest-0/charm",
  ]);
  expect(await tool.run("add-unit", "one", "--to", "99")).toMatchObject({
    code: 2,
    stderr: "ERROR cannot add unit to machine 99: machine 99 not found\n",
  });
  expect(await tool.run("disk", "attach", "one", "guest=/tmp:/srv/guest")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^ERROR machine \d+ has disk "guest" of another application/),
  });

  // Plugged out and in while the machine is down: it boots with what it is told last.
  await tool.ok("machine", "stop", machine);
  await tool.ok("disk", "detach", "guest", "guest");
  await tool.ok("disk", "attach", "guest", `more=${tool.directory}:/srv/more`);
  await tool.ok("machine", "start", machine);
  await tool.active("guest/0", "one/1");
  await tool.inUnit("one/1", "! test -e /srv/guest/tiny.charm && test -e /srv/more/tiny.charm");
  await tool.ok("disk", "attach", "guest", disk);

  await tool.ok("machine", "reboot", machine);
  await tool.until("both back", ({ machines }) => machines[machine]?.agent.current === "started");
  await tool.active("guest/0", "one/1");
  await tool.inUnit("one/1", "test -e /srv/guest/tiny.charm");

  await tool.ok("remove-application", "guest");
  await tool.until("the guest gone", (now) => now.applications["guest"] === undefined);
  const left = "ls -A /srv/guest /srv/more | grep charm; ls /var/lib/juju/agents; findmnt -rno TARGET | grep guest";
  const looks = async (): Promise<string> => (await tool.inUnit("one/1", `${left}; true`)).trim();
  await expect.poll(looks, { timeout: 60_000 }).toBe("unit-one-1");
});

test("remove-unit: its machine goes, the others hear of it", async () => {
  const ran = await tool.run("remove-unit", "one/1");
  expect(ran.stdout).toBe("will remove unit one/1\n");
  const status = await tool.until(
    "one/1 gone",
    (seen) => unitsOf(seen)["one/1"] === undefined && Object.keys(seen.machines).length === 2,
  );
  expect(Object.keys(status.machines)).toHaveLength(2);
  await tool.active();
  expect(await trace("one/0")).toContain("hooks/cluster-relation-departed one/1");
  expect(await tool.run("remove-unit", "one/9")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^ERROR .*one\/9/),
  });
});
