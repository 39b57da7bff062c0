import { describe, expect, test } from "vitest";
import { check, fails, inChanged, inExec, inNext, ok, related, type Row, usage } from "../testing/inside.ts";
import { exit, type Hook, type World } from "../testing/world.ts";

const UUID = "9c1f3e00-0000-4000-8000-000000000001";
const UNKNOWN = "0123456789abcdefghij";

function expectRows(hook: Hook, rows: readonly Row[]): void {
  const { got, wanted } = check(hook, rows);
  expect(got).toEqual(wanted);
}

/** Runs the commands as a script on the unit; returns what they printed. */
function script(world: World, unit: string, ...commands: readonly string[][]): string[] {
  const hook = inExec(world, unit);
  const printed = commands.map((command) => hook.tool(...command));
  world.finish(hook, exit(0));
  return printed;
}

/** A secret of the application notes, revision 1, granted to pg. */
function granted(world: World): string {
  const [uri = ""] = script(world, "notes/0", ["secret-add", "--label", "admin", "password=one"]);
  script(world, "notes/0", ["secret-grant", uri, "-r", "2"]);
  return uri;
}

test("command lines", () => {
  const world = related();
  world.files["/secret/key"] = "from file";
  world.files["/secret/all"] = '{"password": "one", "token#base64": "dHdv"}';
  const large = "x".repeat(1_000_001);
  const hook = inExec(world, "notes/0");
  expectRows(hook, [
    usage("secret-add", "missing secret value or filename"),
    usage("secret-add password=", 'key value "password=" not valid'),
    usage("secret-add pw=x", 'key "pw" not valid'),
    usage("secret-add Pass=x", 'key "Pass" not valid'),
    usage("secret-add password=x --expire never", 'expire time or duration "never" not valid'),
    usage("secret-add password=x --expire -5m", 'negative expire duration "-5m" not valid'),
    usage("secret-add password=x --rotate often", 'rotate policy "often" not valid'),
    usage("secret-add password=x --owner model", 'secret owner "model" not valid'),
    usage(
      "secret-add password#file=/none",
      'reading content for secret key "password": open /none: no such file or directory',
    ),
    usage(
      `secret-add password#base64=${large}`,
      'base64 encoded secret content for key "password" too large: 1000001 bytes',
    ),
    usage("secret-set", "missing secret URI"),
    usage("secret-set nonsense a=b", 'secret URI "nonsense" not valid'),
    usage("secret-get nonsense", 'secret URI "nonsense" not valid'),
    usage("secret-get", "require either a secret URI or label"),
    usage(`secret-get ${UNKNOWN} --peek --refresh`, "specify one of --peek or --refresh but not both"),
    fails(`secret-get ${UNKNOWN}`, `secret "secret:${UNKNOWN}" not found`),
    fails("secret-get --label none", 'consumer label "none" not found'),
    fails(`secret-info-get ${UNKNOWN}`, `secret "${UNKNOWN}" not found`),
    fails("secret-info-get --label none", 'secret "none" not found'),
    usage(`secret-info-get ${UNKNOWN} --label x`, "specify either a secret URI or label but not both"),
    ok("secret-ids"),
    ok("secret-ids --format json", "null\n"),
    usage(`secret-grant ${UNKNOWN}`, "no relation id specified"),
    fails(`secret-grant ${UNKNOWN} -r 2`, `secret "${UNKNOWN}" not found`),
    usage(`secret-grant ${UNKNOWN} -r 2 --unit x`, 'unit "x" not valid'),
    usage(
      `secret-grant ${UNKNOWN} -r 2 --unit notes/0`,
      'cannot specify unit "notes/0" in relation to application "pg"',
    ),
    usage(`secret-revoke ${UNKNOWN}`, "missing relation or application or unit"),
    usage(`secret-revoke ${UNKNOWN} --app pg --unit pg/0`, "specify only one of application or unit"),
    usage(`secret-revoke ${UNKNOWN} --app pg -r 2`, "do not specify both relation and app"),
  ]);
  const uri = hook.tool("secret-add", "password#file=/secret/key", "token#base64=dHdv");
  expect(uri).toMatch(new RegExp(`^secret://${UUID}/[0-9a-v]{20}$`));
  expect(hook.json("secret-get", uri)).toEqual({ password: "from file", token: "two" });
  const file = hook.tool("secret-add", "--file", "/secret/all");
  expectRows(hook, [
    ok(`secret-get ${file}`, "password: one\ntoken: two\n"),
    ok(`secret-get ${file} token --format json`, '"two"\n'),
    ok(`secret-get ${file} token#base64`, "dHdv\n"),
    fails(`secret-get ${file} none`, 'secret key value "none" not found'),
  ]);
});

test("only the leader adds secrets of the application, every unit its own", () => {
  const hook = inExec(related(), "notes/1");
  expectRows(hook, [fails("secret-add password=x", "this unit is not the leader")]);
  const id = hook.tool("secret-add", "--owner", "unit", "--label", "mine", "password=x").slice(-20);
  expect(hook.json("secret-ids")).toEqual([id]);
  expect(hook.json("secret-info-get", id)).toEqual({
    [id]: { revision: 1, label: "mine", owner: "unit", rotation: "never" },
  });
  expectRows(hook, [fails("secret-info-get --label other", 'secret "other" not found')]);
});

test("labels are unique per owner: within a hook at once, else at the commit", () => {
  const world = related();
  granted(world);
  const hook = inChanged(world, "unit");
  hook.tool("secret-add", "--label", "new", "password=x");
  expectRows(hook, [fails("secret-add --label new password=y", 'secret with label "new" already exists')]);
  hook.tool("secret-add", "--label", "admin", "password=y");
  world.finish(hook, exit(0));
  expect(world.model.drainLog().at(-1)?.message).toBe(
    'hook "db-relation-changed" failed: secret with label "admin" already exists',
  );
  expect(Object.keys(world.model.data.secrets)).toHaveLength(1);
});

test("a reader stays with its revision until it refreshes", () => {
  const world = related();
  const uri = granted(world);
  expect(script(world, "pg/1", ["secret-get", uri, "--label", "theirs"])).toEqual(["password: one"]);
  script(world, "notes/0", ["secret-set", uri, "password=two"]);
  world.charm = (hook) => {
    if (hook.name === "secret-changed") expect(hook.environment["JUJU_SECRET_LABEL"]).toBe("theirs");
  };
  world.forget();
  world.settle();
  expect(world.traced("pg/1")).toEqual(["secret-changed"]);
  expect(world.traced("pg/0")).toEqual([]);
  expect(world.traced("notes/0")).toEqual([]);
  expect(
    script(
      world,
      "pg/1",
      ["secret-get", "--label", "theirs"],
      ["secret-get", uri, "--peek"],
      ["secret-get", uri],
      ["secret-get", uri, "--refresh"],
      ["secret-get", "--label", "theirs"],
    ),
  ).toEqual(["password: one", "password: two", "password: one", "password: two", "password: two"]);
  world.settle();
  expect(world.traced("notes/0")).toEqual(["secret-remove"]);
});

test("secret-remove tells the owner which revision nobody tracks any more", () => {
  const world = related();
  const uri = granted(world);
  script(world, "notes/0", ["secret-set", uri, "password=two"]);
  const hook = inNext(world, "notes/0");
  expect(hook.name).toBe("secret-remove");
  expect(hook.environment).toMatchObject({
    JUJU_SECRET_ID: `secret:${uri.slice(-20)}`,
    JUJU_SECRET_LABEL: "admin",
    JUJU_SECRET_REVISION: "1",
  });
  hook.tool("secret-remove", uri, "--revision", "1");
  world.finish(hook, exit(0));
  expect(Object.keys(world.model.data.secrets[uri.slice(-20)]?.revisions ?? {})).toEqual(["2"]);
  expect(world.next("notes/0")).toBeNull();
});

test("the same content makes no revision, and so no event", () => {
  const world = related();
  const uri = granted(world);
  script(world, "pg/0", ["secret-get", uri]);
  script(world, "notes/0", ["secret-set", uri, "password=one"]);
  expect(world.model.data.secrets[uri.slice(-20)]?.latest).toBe(1);
  expect(world.next("pg/0")).toBeNull();
});

test("two sets in a hook make one revision", () => {
  const world = related();
  const uri = granted(world);
  script(world, "notes/0", ["secret-set", uri, "password=two"], ["secret-set", uri, "password=three"]);
  expect(world.model.data.secrets[uri.slice(-20)]?.latest).toBe(2);
  expect(script(world, "pg/0", ["secret-get", uri])).toEqual(["password: three"]);
});

test("a pending update is read with --peek or --refresh only, and then tracked once it is there", () => {
  const world = related();
  const uri = granted(world);
  expect(
    script(
      world,
      "notes/0",
      ["secret-get", uri],
      ["secret-set", uri, "password=two"],
      ["secret-get", uri],
      ["secret-get", uri, "--peek"],
      ["secret-get", uri, "--refresh"],
    ).slice(2),
  ).toEqual(["password: one", "password: two", "password: two"]);
  expect(world.model.data.secrets[uri.slice(-20)]?.consumers["notes/0"]?.revision).toBe(2);
});

describe("who may read", () => {
  test("units of the owning application without a grant, by URI and by the owner's label", () => {
    const world = related();
    const uri = granted(world);
    expect(script(world, "notes/1", ["secret-get", uri], ["secret-get", "--label", "admin"])).toEqual([
      "password: one",
      "password: one",
    ]);
  });

  test("others through a grant, until it is revoked or the relation is gone", () => {
    const world = related();
    const uri = granted(world);
    script(world, "notes/0", ["secret-revoke", uri, "--app", "pg"]);
    expectRows(inExec(world, "pg/0"), [fails(`secret-get ${uri}`, "permission denied")]);
    const again = related();
    const other = granted(again);
    again.model.removeRelation("notes", "pg", again.now);
    again.settle();
    expectRows(inExec(again, "pg/0"), [fails(`secret-get ${other}`, "permission denied")]);
  });

  test("revoking and granting again in one hook leaves it granted", () => {
    const world = related();
    const uri = granted(world);
    script(world, "notes/0", ["secret-revoke", uri, "-r", "2"], ["secret-grant", uri, "-r", "2"]);
    expect(script(world, "pg/0", ["secret-get", uri])).toEqual(["password: one"]);
  });

  test("grants to units stand in the way of one to the application", () => {
    const world = related();
    const [uri = ""] = script(world, "notes/0", ["secret-add", "password=x"]);
    script(world, "notes/0", ["secret-grant", uri, "-r", "2", "--unit", "pg/1"]);
    expect(script(world, "pg/1", ["secret-get", uri])).toEqual(["password: x"]);
    expectRows(inExec(world, "pg/0"), [fails(`secret-get ${uri}`, "permission denied")]);
    expectRows(inExec(world, "notes/0"), [
      fails(
        `secret-grant ${uri} -r 2`,
        "any unit level grants need to be revoked before granting access to the corresponding application",
      ),
    ]);
  });

  test("only the leader changes a secret of the application", () => {
    const world = related();
    const uri = granted(world);
    expectRows(inExec(world, "notes/1"), [
      fails(`secret-set ${uri} password=x`, "this unit is not the leader"),
      fails(`secret-remove ${uri}`, "this unit is not the leader"),
    ]);
  });

  test("changing a foreign or unknown secret is accepted, but fails the commit", () => {
    const world = related();
    const uri = granted(world);
    const writer = inExec(world, "notes/0");
    writer.tool("relation-set", "-r", "2", "a=b");
    world.finish(writer, exit(0));
    const hook = inNext(world, "pg/0");
    hook.tool("secret-set", uri, "password=x");
    world.finish(hook, exit(0));
    expect(world.model.drainLog().at(-1)?.message).toContain("permission denied");
    expect(world.model.data.units["pg/0"]?.agent.current?.step).toBe("failed");
  });
});

test("what a failed hook added is gone, but what it read stays recorded", () => {
  const world = related();
  const uri = granted(world);
  const writer = inExec(world, "notes/0");
  writer.tool("relation-set", "-r", "2", "a=b");
  world.finish(writer, exit(0));
  const hook = inNext(world, "pg/0");
  hook.tool("secret-add", "password=x");
  hook.tool("secret-get", uri, "--label", "theirs");
  world.finish(hook, exit(1));
  expect(Object.keys(world.model.data.secrets)).toEqual([uri.slice(-20)]);
  expect(world.model.data.secrets[uri.slice(-20)]?.consumers["pg/0"]).toEqual({ label: "theirs", revision: 1 });
});

test("rotation: again after five minutes while nothing new comes, else after the period", () => {
  const world = related();
  const [uri = ""] = script(world, "notes/0", ["secret-add", "--rotate", "hourly", "password=x"]);
  world.model.setModelConfig({ "update-status-hook-interval": "60m" }, world.now);
  world.forget();
  let serial = 0;
  const rotations: number[] = [];
  const start = world.now;
  world.charm = (hook) => {
    if (hook.name !== "secret-rotate") return;
    rotations.push((world.now - start) / 60_000);
    if (rotations.length >= 2) hook.tool("secret-set", uri, `password=${serial++}`);
  };
  world.pass(130 * 60_000);
  expect(rotations).toEqual([60, 65, 125]);
});

test("expiry: the owner is told, again after five minutes, until it removes the revision", () => {
  const world = related();
  const [uri = ""] = script(world, "notes/0", ["secret-add", "--expire", "10m", "password=x"]);
  const start = world.now;
  const told: number[] = [];
  world.charm = (hook) => {
    if (hook.name !== "secret-expired") return;
    expect(hook.environment["JUJU_SECRET_REVISION"]).toBe("1");
    told.push((world.now - start) / 60_000);
    if (told.length === 2) hook.tool("secret-remove", uri, "--revision", "1");
  };
  world.pass(40 * 60_000);
  expect(told).toEqual([10, 15]);
  expect(world.model.data.secrets).toEqual({});
});

test("info shows who has access", () => {
  const world = related();
  const uri = granted(world);
  const id = uri.slice(-20);
  const [info = ""] = script(world, "notes/0", ["secret-info-get", uri, "--format=json"]);
  expect(JSON.parse(info)).toEqual({
    [id]: {
      revision: 1,
      label: "admin",
      owner: "application",
      rotation: "never",
      access: [{ target: "application-pg", scope: "relation-notes.db#pg.db", role: "view" }],
    },
  });
});
