import { describe, expect, test } from "vitest";
import { notesWithStorage } from "./testing/charms.ts";
import { alone, inChanged, inExec, inNext, related } from "./testing/inside.ts";
import { World } from "./testing/world.ts";

describe("environment", () => {
  test("of a plain hook: exactly this", () => {
    const world = alone();
    world.step("notes/0");
    const hook = inNext(world, "notes/0");
    expect(hook.environment["JUJU_CONTEXT_ID"]).toMatch(/^notes\/0-install-[0-9a-f]{32}$/);
    expect(hook.environment).toEqual({
      CHARM_DIR: "/var/lib/juju/agents/unit/charm",
      JUJU_CHARM_DIR: "/var/lib/juju/agents/unit/charm",
      JUJU_CONTEXT_ID: hook.run.contextId,
      JUJU_HOOK_NAME: "install",
      JUJU_AGENT_SOCKET_ADDRESS: "/var/lib/juju/agents/unit/agent.socket",
      JUJU_AGENT_SOCKET_NETWORK: "unix",
      JUJU_UNIT_NAME: "notes/0",
      JUJU_MODEL_UUID: "9c1f3e00-0000-4000-8000-000000000001",
      JUJU_MODEL_NAME: "test",
      JUJU_API_ADDRESSES: "10.0.0.1:17070 10.0.0.2:17070",
      JUJU_SLA: "unsupported",
      JUJU_MACHINE_ID: "0",
      JUJU_PRINCIPAL_UNIT: "",
      JUJU_AVAILABILITY_ZONE: "",
      JUJU_VERSION: "3.6.28",
      CLOUD_API_VERSION: "",
      JUJU_CHARM_HTTP_PROXY: "",
      JUJU_CHARM_HTTPS_PROXY: "",
      JUJU_CHARM_FTP_PROXY: "",
      JUJU_CHARM_NO_PROXY: "127.0.0.1,localhost,::1",
      PATH: "/var/lib/juju/tools/unit",
      APT_LISTCHANGES_FRONTEND: "none",
      DEBIAN_FRONTEND: "noninteractive",
      JUJU_DISPATCH_PATH: "hooks/install",
    });
  });

  test("proxies of the model", () => {
    const world = alone();
    world.model.setModelConfig({ "juju-https-proxy": "http://p:1", "http-proxy": "http://q:2" }, world.now);
    world.step("notes/0");
    expect(inNext(world, "notes/0").environment).toMatchObject({
      JUJU_CHARM_HTTPS_PROXY: "http://p:1",
      http_proxy: "http://q:2",
      HTTP_PROXY: "http://q:2",
      no_proxy: "127.0.0.1,localhost,::1",
      NO_PROXY: "127.0.0.1,localhost,::1",
    });
  });

  test("of a relation hook", () => {
    const { environment } = inChanged(related(), "app");
    expect(environment).toMatchObject({
      JUJU_HOOK_NAME: "db-relation-changed",
      JUJU_RELATION: "db",
      JUJU_RELATION_ID: "db:2",
      JUJU_REMOTE_UNIT: "",
      JUJU_REMOTE_APP: "pg",
    });
    expect(environment).not.toHaveProperty("JUJU_DEPARTING_UNIT");
  });

  test("of an action and of scripts", () => {
    const world = related();
    world.model.enqueueAction(["notes/leader"], "backup", { level: 1 }, world.now);
    world.model.enqueueExec(["notes/1"], "true", world.now);
    const action = inNext(world, "notes/0");
    expect(action.environment).toMatchObject({
      JUJU_HOOK_NAME: "",
      JUJU_ACTION_NAME: "backup",
      JUJU_ACTION_UUID: "2",
      JUJU_ACTION_TAG: "action-2",
      JUJU_DISPATCH_PATH: "actions/backup",
    });
    const exec = inNext(world, "notes/1");
    expect(exec.environment).toMatchObject({ JUJU_HOOK_NAME: "", JUJU_ACTION_NAME: "juju-exec" });
    expect(exec.environment).not.toHaveProperty("JUJU_DISPATCH_PATH");
    const command = inExec(related(), "notes/0");
    expect(command.environment["JUJU_CONTEXT_ID"]).toMatch(/^notes\/0-run-commands-/);
    expect(command.environment).not.toHaveProperty("JUJU_ACTION_NAME");
  });

  test("of a script in a relation", () => {
    const world = related();
    world.model.enqueueCommand("notes/0", "true", { relationId: 2, remoteUnit: "pg/1" }, world.now);
    const hook = inNext(world, "notes/0");
    expect(hook.environment).toMatchObject({ JUJU_RELATION_ID: "db:2", JUJU_REMOTE_UNIT: "pg/1", JUJU_REMOTE_APP: "" });
    expect(hook.tool("relation-get", "private-address")).toBe("10.0.0.13");
  });

  test("of a storage hook", () => {
    const world = new World();
    world.model.deploy({ charm: notesWithStorage, units: 1, config: {}, resources: {}, now: world.now });
    world.boot();
    world.step("notes/0");
    const hook = inNext(world, "notes/0");
    expect(hook.environment).toMatchObject({
      JUJU_STORAGE_ID: "data/0",
      JUJU_STORAGE_LOCATION: "/srv/data",
      JUJU_STORAGE_KIND: "filesystem",
    });
    expect(hook.json("storage-get")).toEqual({ kind: "filesystem", location: "/srv/data" });
  });
});
