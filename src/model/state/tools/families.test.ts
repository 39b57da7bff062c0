import { describe, expect, test } from "vitest";
import { check, fails, inAction, inChanged, inExec, inNext, ok, related, type Row, usage } from "../testing/inside.ts";
import { exit, type Hook } from "../testing/world.ts";

function expectRows(hook: Hook, rows: readonly Row[]): void {
  const { got, wanted } = check(hook, rows);
  expect(got).toEqual(wanted);
}

describe("actions", () => {
  test("outside of one", () => {
    expectRows(
      inExec(related(), "notes/0"),
      ["action-get", "action-set a=b", "action-fail", "action-log x"].map((line) =>
        fails(line, "not running an action"),
      ),
    );
  });

  test("inside of one", () => {
    const world = related();
    const hook = inAction(world, "notes/0", "backup", { level: 3 });
    expectRows(hook, [
      ok("action-get --format json", '{"deep":{"inner":"x"},"level":3,"target":"/tmp"}\n'),
      ok("action-get target", "/tmp\n"),
      ok("action-get deep.inner --format=json", '"x"\n'),
      ok("action-get deep.none --format=json", "null\n"),
      ok("action-get target.none", ""),
      usage("action-set x", 'argument "x" must be of the form key...=value'),
      usage(
        "action-set X=1",
        'key "X" must start and end with lowercase alphanumeric, and contain only lowercase alphanumeric and hyphens',
      ),
      usage("action-set a.stdout=1", 'cannot set reserved action key "stdout"'),
      ok("action-set"),
      ok("action-set a=1 b.c=␣2␣"),
      ok("action-set b.d=3 a.e=4"),
      usage("action-log", "no message specified"),
      ok("action-log half way"),
      usage("action-fail one two", 'unrecognized args: ["two"]'),
      ok("action-fail"),
      fails("juju-reboot", "juju-reboot is not supported when running an action."),
    ]);
    world.finish(hook, exit(0, "said", ""));
    const [task] = Object.values(world.model.data.tasks).filter((one) => one.name === "backup");
    expect(task).toMatchObject({
      status: "failed",
      message: "action failed without reason given, check action for errors",
      results: { a: { e: "4" }, b: { c: " 2 ", d: "3" }, "return-code": 0, stdout: "said" },
      log: [{ message: "half way" }],
    });
  });
});

test("application-version-set", () => {
  const world = related();
  expectRows(inExec(world, "notes/1"), [
    usage("application-version-set", "no version specified"),
    ok("application-version-set 7.14.3"),
  ]);
  expect(world.model.data.applications["notes"]?.version).toBe("7.14.3");
});

describe("ports", () => {
  test("messages", () => {
    const world = related();
    const hook = inExec(world, "notes/0");
    expectRows(hook, [
      usage("open-port", "no port or range specified"),
      usage("open-port x", 'invalid port "x": strconv.Atoi: parsing "x": invalid syntax'),
      usage("open-port 1-2-3", 'invalid port range "1-2-3"'),
      usage("open-port 90-80", "invalid port range 90-80/tcp"),
      usage("open-port 0-70000", "port range bounds must be between 0 and 65535, got 0-70000"),
      usage("open-port 80/foo", 'invalid protocol "foo", expected "tcp", "udp", or "icmp"'),
      usage("open-port 80/icmp", 'protocol "icmp" doesn\'t support any ports; got "80"'),
      ok("open-port 80/TCP"),
      ok("open-port 80"),
      fails(
        "open-port 80-90",
        'cannot open 80-90/tcp (unit "notes/0"): port range conflicts with 80/tcp (unit "notes/0") requested earlier',
      ),
      ok("open-port 8000-8010/udp --endpoints site,db"),
      ok("open-port icmp"),
      ok("open-port 443 --endpoints=site"),
      ["open-port 22 --format json", 0, "", '--format flag deprecated for command "open-port"'],
      ok("opened-ports --format json", '["icmp","22/tcp","80/tcp","443/tcp","8000-8010/udp"]\n'),
      ok("opened-ports --endpoints", "icmp (*)\n22/tcp (*)\n80/tcp (*)\n443/tcp (site)\n8000-8010/udp (db, site)\n"),
      ok("close-port 9999"),
      ok("close-port 443 --endpoints site"),
      ok("opened-ports", "icmp\n22/tcp\n80/tcp\n8000-8010/udp\n"),
    ]);
    expect(world.model.data.units["notes/0"]?.ports).toEqual([]);
    world.finish(hook, exit(0));
    expect(world.model.status(world.now).applications["notes"]?.units["notes/0"]?.ports).toEqual([
      "icmp",
      "22/tcp",
      "80/tcp",
      "8000-8010/udp",
    ]);
    expectRows(inExec(world, "notes/0"), [
      fails(
        "close-port 8005/udp",
        'cannot close 8005/udp (unit "notes/0"): port range conflicts with 8000-8010/udp (unit "notes/0")',
      ),
    ]);
  });

  test("an unknown endpoint fails the commit", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    expectRows(hook, [ok("open-port 80 --endpoints nothing"), ok("opened-ports", "80/tcp\n")]);
    world.finish(hook, exit(0));
    expect(world.model.drainLog().map((line) => line.message)).toContain(
      'hook "db-relation-changed" failed: open port range: endpoint "nothing" for unit "notes/0" not found',
    );
    expect(world.model.data.units["notes/0"]?.agent.current?.step).toBe("failed");
  });
});

test("config", () => {
  const world = related();
  world.model.setConfig("notes", { ratio: "2500000", loud: "True" });
  const hook = inExec(world, "notes/0");
  expectRows(hook, [
    ok("config-get --format json", '{"loud":true,"mode":"","ratio":2500000,"size":3}\n'),
    ok("config-get -a --format json", '{"loud":true,"mode":"","ratio":2500000,"size":3,"title":null}\n'),
    ok("config-get ratio", "2.5e+06\n"),
    ok("config-get loud", "True\n"),
    ok("config-get mode"),
    ok("config-get mode --format json", '""\n'),
    ok("config-get title --format json", "null\n"),
    ok("config-get nothing --format json", "null\n"),
    ok("config-get '' --format json", '{"loud":true,"mode":"","ratio":2500000,"size":3}\n'),
    usage("config-get --all size", 'cannot use argument --all together with key "size"'),
    fails("credential-get", "cannot access cloud credentials: permission denied"),
  ]);
  world.model.setConfig("notes", { size: "9" });
  expectRows(hook, [ok("config-get size", "3\n")]);
});

test("goal-state", () => {
  const world = related();
  const hook = inExec(world, "notes/0");
  world.model.removeUnits(["notes/1"], world.now);
  const since = "2026-01-01 00:00:00Z";
  expect(hook.json("goal-state")).toEqual({
    units: { "notes/0": { status: "unknown", since }, "notes/1": { status: "dying", since } },
    relations: {
      db: {
        pg: { status: "joined", since },
        "pg/0": { status: "unknown", since },
        "pg/1": { status: "unknown", since },
      },
    },
  });
  expect(hook.tool("goal-state").split("\n")[0]).toBe("units:");
  // Joined it stays to the end of its removal.
  world.now += 60_000;
  world.model.removeRelation("notes", "pg", world.now);
  expect(hook.json("goal-state")).toMatchObject({ relations: { db: { pg: { status: "joined", since } } } });
});

test("leadership", () => {
  const world = related();
  expectRows(inExec(world, "notes/1"), [
    ok("is-leader", "False\n"),
    fails("leader-set a=b", "cannot write leadership settings: cannot write settings: not the leader"),
    ok("leader-get --format json", "{}\n"),
    usage("leader-get a=b", 'invalid key "a=b"'),
  ]);
  expectRows(inExec(world, "notes/0"), [
    ok("leader-set a=b c=d"),
    ok("leader-set c="),
    ok("leader-get", "a: b\n"),
    ok("leader-get a", "b\n"),
    ok("leader-get nothing --format json", "null\n"),
    ok("leader-set"),
    usage("leader-set x", 'expected "key=value", got "x"'),
    usage("leader-set =x", 'expected "key=value", got "=x"'),
    usage("leader-set x=1 x=2", 'key "x" specified more than once'),
  ]);
});

test("juju-log", () => {
  const world = related();
  const hook = inChanged(world, "unit");
  world.model.drainLog();
  expectRows(hook, [
    usage("juju-log", "no message specified"),
    ok("juju-log one two"),
    ok("juju-log -l warn three"),
    ok("juju-log --log-level nonsense four"),
    ok("juju-log --debug -l ERROR five"),
  ]);
  expect(world.model.drainLog().map((line) => [line.entity, line.level, line.module, line.message])).toEqual([
    ["unit-notes-0", "INFO", "unit.notes/0.juju-log", "db:2: one two"],
    ["unit-notes-0", "WARNING", "unit.notes/0.juju-log", "db:2: three"],
    ["unit-notes-0", "WARNING", "unit.notes/0.juju-log", 'Specified log level of "nonsense" is not valid'],
    ["unit-notes-0", "INFO", "unit.notes/0.juju-log", "db:2: four"],
    ["unit-notes-0", "DEBUG", "unit.notes/0.juju-log", "db:2: five"],
  ]);
});

describe("relations", () => {
  test("outside of a relation hook", () => {
    const hook = inExec(related(), "notes/1");
    expectRows(hook, [
      usage("relation-ids", "no endpoint name specified"),
      ok("relation-ids nothing --format json", "[]\n"),
      ok("relation-ids cluster", "cluster:0\n"),
      usage("relation-list", "no relation id specified"),
      ok("relation-list -r 0", "notes/0\n"),
      ok("relation-list -r 0 --app", "notes\n"),
      ok("relation-list -r 2 --app --format json", '"pg"\n'),
      ok("relation-model-get -r 2 --format json", '{"uuid":"9c1f3e00-0000-4000-8000-000000000001"}\n'),
      usage("relation-get", "no relation id specified"),
      usage("relation-get -r 2", "no unit or application specified"),
      usage("relation-get -r 2 --app", "no unit or application specified"),
      usage("relation-get -r 2 - pg", 'expected unit name, got application name "pg"'),
      usage("relation-get -r 2 - p/g", 'invalid unit name "p/g"'),
      fails("relation-get -r 2 --app - p/g", '"" is not a valid unit or application'),
      ok("relation-get -r 2 --app - pg/0 --format json", "{}\n"),
      ok("relation-get -r 2 private-address pg/0", "10.0.0.12\n"),
      ok("relation-get -r 2 nothing pg/0 --format json", "null\n"),
      ok("relation-get -r 2 nothing pg/0", ""),
      fails("relation-get -r 2 --app - notes", "permission denied"),
      ok("relation-get -r 0 --app - notes --format json", "{}\n"),
      fails("relation-get -r 2 - other/0", "permission denied"),
      fails("relation-get -r 2 --app - other", "permission denied"),
      fails(
        "relation-get -r 2 - pg/9",
        'cannot read settings for unit "pg/9" in relation "notes:db pg:db": unit "pg/9": settings not found',
      ),
      ok("relation-get -r 2 ingress-address notes/0", "10.0.0.10\n"),
      fails("relation-set -r 2 --app a=b", "cannot write relation settings"),
      usage("relation-set a=b", "no relation id specified"),
      usage("relation-set -r 2 a", 'expected "key=value", got "a"'),
      ok("relation-set -r 2"),
      ok("relation-set -r 2 '' a=␣x␣y␣"),
      ok("relation-get -r 2 a notes/1", "x y\n"),
      ok("relation-set -r 2 a="),
      ok("relation-get -r 2 a notes/1 --format json", "null\n"),
      ["relation-set -r 2 --format json", 0, "", '--format flag deprecated for command "relation-set"'],
    ]);
  });

  test("in a relation hook for a unit", () => {
    const hook = inChanged(related(), "unit");
    expectRows(hook, [
      ok("relation-ids", "db:2\n"),
      ok("relation-list", "pg/0\npg/1\n"),
      ok("relation-get marked", "1767225600000\n"),
      ok("relation-get --app --format json", "{}\n"),
      ok("relation-get marked pg/1 --format json", "null\n"),
      // Another relation does not change the default unit, which comes from the hook.
      fails("relation-get -r 0 -", "permission denied"),
      ok("relation-set --app=True url=http://x"),
      ok("relation-get --app - notes", "url: http://x\n"),
      ok("relation-set --app=False url=y"),
    ]);
  });

  test("in a relation hook for the application", () => {
    const hook = inChanged(related(), "app");
    expectRows(hook, [ok("relation-get marked", "1767225600000\n"), ok("relation-list", "pg/0\npg/1\n")]);
  });

  test("files", () => {
    const world = related();
    world.files["/charm/values"] = "a: 1.50\nb: yes\nc: ' x '\nd: null\n";
    world.files["/nested"] = "a: {b: c}\n";
    const hook = inExec(world, "notes/0");
    expectRows(hook, [
      ok("relation-set -r 2 --file values b=2"),
      ok("relation-get -r 2 a notes/0 --format json", '"1.50"\n'),
      ok("relation-get -r 2 b notes/0 --format json", '"2"\n'),
      ok("relation-get -r 2 c notes/0 --format json", '" x "\n'),
      fails("relation-set -r 2 --file /none", "open /none: no such file or directory"),
    ]);
    const { code, stderr } = hook.try(["relation-set", "-r", "2", "--file", "/nested"]);
    expect(code).toBe(1);
    expect(stderr).toContain("ERROR yaml: unmarshal errors:");
  });

  test("departed and broken", () => {
    const world = related();
    world.model.removeRelation("notes", "pg", world.now);
    const departed = inNext(world, "notes/0");
    expectRows(departed, [
      ok("relation-list", "pg/1\n"),
      ok("relation-ids", "db:2\n"),
      ok("relation-get private-address", "10.0.0.12\n"),
    ]);
    world.finish(departed, exit(0));
    world.step("notes/0");
    const broken = inNext(world, "notes/0");
    expect(broken.name).toBe("db-relation-broken");
    expectRows(broken, [
      ok("relation-ids --format json", '["db:2"]\n'),
      ok("relation-list --format json", "[]\n"),
      ok("relation-get --format json", "{}\n"),
      ok("relation-set last=words"),
    ]);
    expect(broken.environment).toMatchObject({ JUJU_REMOTE_APP: "pg", JUJU_REMOTE_UNIT: "" });
    world.finish(broken, exit(0));
    expectRows(inExec(world, "notes/0"), [ok("relation-ids db --format=json", "[]\n")]);
  });
});

test("network-get and unit-get", () => {
  const world = related();
  const hook = inExec(world, "notes/0");
  expectRows(hook, [
    usage("network-get", "no arguments specified"),
    usage("network-get ''", "no binding name specified"),
    fails("network-get nothing", 'no network config found for binding "nothing"'),
    ok("network-get db --bind-address", "10.0.0.10\n"),
    ok("network-get public --primary-address", "10.0.0.10\n"),
    ok("network-get db --egress-subnets --format json", '["10.0.0.10/32"]\n'),
    ok("network-get db --bind-address --ingress-address", "bind-address: 10.0.0.10\ningress-address: 10.0.0.10\n"),
    fails("network-get db --primary-address --bind-address", "--primary-address must be the only flag specified"),
    usage("network-get db -r 9", 'invalid value "9" for option -r: relation not found'),
    ok("unit-get private-address", "10.0.0.10\n"),
    usage("unit-get", "no setting specified"),
    usage("unit-get name", 'unknown setting "name"'),
  ]);
  const json = hook.tool("network-get", "db", "--format=json");
  expect(json).toMatch(
    /^\{"bind-addresses":\[\{"mac-address":"00:16:3e:..:..:..","interface-name":"eth0","addresses":\[\{"hostname":"","value":"10.0.0.10","cidr":"10.0.0.0\/24"\}\]\}\],"egress-subnets":\["10.0.0.10\/32"\],"ingress-addresses":\["10.0.0.10"\]\}$/,
  );
});

describe("status", () => {
  test("messages and shapes", () => {
    const expected = "expected one of [maintenance blocked waiting active]";
    expectRows(inExec(related(), "notes/0"), [
      usage("status-set", "invalid args, require <status> [message]"),
      usage("status-set error", `invalid status "error", ${expected}`),
      usage("status-set active a b", 'unrecognized args: ["b"]'),
      ok("status-set waiting for␣it"),
      ok("status-get", "waiting\n"),
      ok("status-set active"),
      ok("status-get", "waiting\n"),
      ok("status-get --format json", '{"status":"waiting"}\n'),
      ok("status-get --include-data", "message: for it\nstatus: waiting\nstatus-data: {}\n"),
      ok("status-get --application", "active\n"),
      ok(
        "status-get --application --format json",
        '{"application-status":{"status":"active","units":{"notes/0":{"status":"active"},"notes/1":{"status":"unknown"}}}}\n',
      ),
      ok("status-set --application=true blocked all"),
      ok("status-get --application", "blocked\n"),
    ]);
  });

  test("of the application, by another unit than the leader", () => {
    expectRows(inExec(related(), "notes/1"), [
      fails("status-set --application active", "this unit is not the leader"),
      fails("status-get --application", "finding application status: this unit is not the leader"),
      ok("status-set --application=False blocked no"),
    ]);
  });
});

test("state", () => {
  const world = related();
  const hook = inChanged(world, "unit");
  const long = "x".repeat(257);
  expectRows(hook, [
    ok("state-get", "{}\n"),
    ok("state-get --format json", "null\n"),
    ok("state-get --format yaml", "{}\n"),
    ok("state-get k --format json", '""\n'),
    ok("state-get k"),
    fails("state-get k --strict", '"k" not found'),
    ok("state-set k=v empty="),
    ok("state-get --format json", '{"empty":"","k":"v"}\n'),
    fails(`state-set ${long}=v`, "max allowed key length (256) exceeded"),
    fails(`state-set k=${"x".repeat(65_537)}`, "max allowed value length (65536) exceeded"),
    ok("state-delete none"),
    ok("state-delete"),
    ok("state-delete empty"),
    ok("state-get", "k: v\n"),
  ]);
  world.finish(hook, exit(0));
  expect(world.model.data.units["notes/0"]?.state).toEqual({ k: "v" });
});

test("storage and resources", () => {
  expectRows(inExec(related(), "notes/0"), [
    ok("storage-list --format json", "[]\n"),
    usage("storage-get", "no storage instance specified"),
    usage("storage-get -s x", 'invalid value "x" for option -s: invalid storage ID "x"'),
    usage("storage-get -s data/9", 'invalid value "data/9" for option -s: storage attachment data/9:notes/0 not found'),
    usage("storage-add", "storage add requires a storage directive"),
    usage("storage-add data=x", 'only count can be specified for "data"'),
    usage("resource-get", "missing required resource name"),
    fails("resource-get none", 'could not download resource: resource "notes/none" not found'),
    ok("resource-get image", "/var/lib/juju/agents/unit/resources/image/file"),
  ]);
});

describe("reboot", () => {
  test("after a hook that succeeds", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    expectRows(hook, [usage("juju-reboot x", 'unrecognized args: ["x"]'), ok("juju-reboot")]);
    expect(hook.run.reboot).toBe("after");
    world.finish(hook, exit(0));
    expect(world.model.rebootsRequested()).toEqual(["0"]);
    expect(world.next("notes/0")).toBeNull();
    world.forget();
    world.model.agentStopped("notes/0", world.now);
    world.model.agentStarted("notes/0", world.now, { rebooted: true });
    world.settle();
    expect(world.traced("notes/0")).toEqual(["start"]);
    expect(world.model.rebootsRequested()).toEqual([]);
  });

  test("not after one that fails", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    hook.tool("juju-reboot");
    world.finish(hook, exit(1));
    expect(world.model.rebootsRequested()).toEqual([]);
  });

  test("at once: the hook is killed, commits nothing, and runs again afterwards", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    hook.tool("relation-set", "a=b");
    hook.tool("juju-reboot", "--now");
    expect(hook.run.reboot).toBe("now");
    world.finish(hook, { signal: "SIGKILL", stdout: "", stderr: "" });
    expect(world.model.data.relations["2"]?.units["notes/0"]?.values["a"]).toBeUndefined();
    world.model.agentStarted("notes/0", world.now, { rebooted: true });
    world.forget();
    world.settle();
    expect(world.traced("notes/0")).toEqual(["db-relation-changed UNIT=pg/0", "start"]);
  });
});
