import { expect, test } from "vitest";
import { UserError } from "../errors.ts";
import { checkDeployed, checkOrigin, type Deployed, type Wanted } from "./carry-on.ts";

const NOTHING: Wanted = {
  model: "m",
  machines: undefined,
  agentVersion: "",
  reach: undefined,
  units: undefined,
  workers: undefined,
  version: undefined,
  release: undefined,
  releaseFile: undefined,
  sharedDirectory: undefined,
  charm: undefined,
};
const DEPLOYED: Deployed = {
  application: "ci",
  units: ["ci/0", "ci/1", "ci/4"],
  mode: "auto",
  workers: null,
  version: "7.14.3",
  mirror: "http://10.81.0.1:8080",
  sharedDirectory: "/srv/store",
};

test.each<[Partial<Wanted>, Partial<Deployed>]>([
  [{}, {}],
  [{ units: 3, version: "7.14.3", release: "stand-in", sharedDirectory: "/srv//store/" }, {}],
  [{ release: "auto" }, {}],
  [{ release: "auto" }, { mirror: "" }],
  [{ workers: 1 }, { mode: "web", workers: { application: "w", units: ["w/0"] } }],
  [{ workers: 2 }, { mode: "web" }],
  [
    { release: "github", version: "" },
    { mirror: "", version: "" },
  ],
])("up with %j goes on with a model that is the same", (wanted, has) => {
  expect(() => checkDeployed({ ...NOTHING, ...wanted }, { ...DEPLOYED, ...has })).not.toThrow();
});

test.each<[Partial<Wanted>, Partial<Deployed>, string, string]>([
  [{ units: 5 }, {}, "it has 3 units, not 5", "Use: concourse-machine add-unit ci -n 2 -m m"],
  [{ units: 1 }, {}, "it has 3 units, not 1", "Use: concourse-machine remove-unit ci/1 ci/4 -m m"],
  [{ workers: 2 }, {}, "no application of their own", "Use: concourse-machine config ci mode=web -m m"],
  [
    { workers: 2 },
    { mode: "web", workers: { application: "w", units: ["w/3"] } },
    "w has 1 unit, not 2",
    "Use: concourse-machine add-unit w -n 1 -m m",
  ],
  [{ version: "7.13.0" }, {}, "7.14.3, not 7.13.0", "Use: concourse-machine config ci version=7.13.0 -m m"],
  [{ version: "" }, {}, "not the newest version", "Use: concourse-machine config ci --reset version -m m"],
  [{ version: "7.13.0" }, { version: "" }, "the newest version, not 7.13.0", "version=7.13.0 -m m"],
  [{ release: "github" }, {}, "http://10.81.0.1:8080", "Use: concourse-machine config ci --reset release-mirror -m m"],
  [{ release: "stand-in" }, { mirror: "" }, "no mirror", "Use: concourse-machine config ci release-mirror=URL -m m"],
  [{ releaseFile: "/a.tgz" }, {}, "", "Use: concourse-machine attach-resource ci concourse-release=/a.tgz -m m"],
  [{ charm: "/a.charm" }, {}, "", "Use: concourse-machine refresh ci --path /a.charm -m m"],
  [{ sharedDirectory: "/srv/other" }, {}, "share /srv/store, not /srv/other", "concourse-machine down -m m"],
])("up with %j is refused where there is %j", (wanted, has, cause, next) => {
  const check = () => checkDeployed({ ...NOTHING, ...wanted }, { ...DEPLOYED, ...has });
  expect(check).toThrow(UserError);
  expect(check).toThrow(cause);
  expect(check).toThrow(next);
});

test("machines of another kind, what they reach, and another Juju, are refused", () => {
  const has = { machines: "namespaces", juju: "4.0", reach: "outside" } as const;
  const ask = (wanted: Partial<Wanted>) => () => checkOrigin({ ...NOTHING, ...wanted }, has);
  expect(ask({})).not.toThrow();
  expect(ask({ machines: "namespaces", agentVersion: "4.0", reach: "outside" })).not.toThrow();
  expect(ask({ agentVersion: "4.0.15" })).not.toThrow();
  expect(ask({ machines: "incus" })).toThrow("are namespaces, not incus");
  expect(ask({ reach: "inside" })).toThrow('machines of model "m" reach the network');
  expect(ask({ agentVersion: "3.6" })).toThrow('model "m" plays Juju 4.0, not 3.6');
  expect(ask({ agentVersion: "2.9" })).toThrow("there is no Juju 2.9 to play");
});
