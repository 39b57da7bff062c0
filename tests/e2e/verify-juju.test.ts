/** `verify --engine juju` against doubles of `juju` and `lxc`: the whole scenario, and what can be wrong with a controller. */

import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import type { Report } from "../../src/report/types.ts";
import { Doubles } from "../fixtures/storage/doubles.ts";
import { instance, LAB } from "../fixtures/storage/world.ts";
import { ARCH } from "./concourse.ts";

/** Where the doubles' units are: all of 127.0.0.0/8 is this host. */
const NETWORK = "127.87.3";

let doubles: Doubles;
beforeEach(() => {
  const machines = ["0", "1", "2", "3", "4"].map((machine) => instance({ name: "verify", uuid: LAB }, machine));
  doubles = new Doubles({ models: [], instances: { lxc: machines } }, ["lxc"]);
});
afterEach(() => doubles.remove());

const verify = (...more: string[]) => {
  writeFileSync(join(doubles.directory, "x.charm"), "");
  const files = ["--charm", join(doubles.directory, "x.charm"), "--report-dir", join(doubles.directory, "reports")];
  return doubles.run("verify", "--engine", "juju", ...files, ...more);
};

describe("the scenario", () => {
  let web: Server;
  beforeEach(async () => {
    web = createServer((question, answer) => {
      const bodies: Record<string, unknown> = {
        "/api/v1/info": { version: "7.14.3" },
        "/sky/issuer/token": { access_token: "good" },
        "/api/v1/workers": [1, 2, 3].map((i) => ({ name: `w${i}`, state: "running" })),
      };
      answer.end(JSON.stringify(bodies[question.url ?? ""]));
    });
    web.listen(8080, `${NETWORK}.10`);
    await once(web, "listening");
  });
  afterEach(() => web.close());

  test.each(["3.6.28", "4.0.15"])("on Juju %s: every check holds, and the model is gone", async (version) => {
    const archive = join(doubles.directory, "concourse-7.14.3-linux-amd64.tgz");
    writeFileSync(archive, Buffer.alloc(1_000_000, 7));
    // The release is published after it was downloaded: the double's clock begins when the scenario is over.
    const start = String((Math.ceil(Date.now() / 1000) + 3600) * 1000);
    doubles.installController({ DOUBLE_VERSION: version, DOUBLE_START: start, DOUBLE_NETWORK: NETWORK });
    const { code, stdout, stderr } = await verify("--release-file", archive, "--json");
    expect(stderr).not.toContain("ERROR");
    const report = JSON.parse(stdout) as Report;
    expect(report.checks.filter(({ holds }) => holds !== true)).toEqual([]);
    expect(code).toBe(0);
    expect(report.configuration[0]?.[1]).toMatch(
      new RegExp(`^verify-\\w+ \\(lxd-ctl, Juju ${version}, client ${version}-`),
    );

    const [[, model = ""] = []] = doubles.calls("add-model");
    expect(doubles.calls("deploy")[1]).toEqual([
      "deploy",
      join(doubles.directory, "x.charm"),
      "concourse-ci-machine",
      "-n",
      "2",
      "--config",
      "shared-storage=lxc",
      "--config",
      "mode=auto",
      "--config",
      "version=7.14.3",
      "--config",
      expect.stringMatching(/^release-mirror=http:\/\/127\.0\.0\.1:\d+$/),
    ]);
    const store = join(doubles.directory, "data", "shared", model, "store");
    const attached = doubles.calls("lxc", "config").map((call) => [call[4], call[7]]);
    expect(attached.toSorted()).toEqual([1, 2, 3, 4].map((i) => [`local:juju-a2b077-${i}`, `source=${store}`]));
    expect(doubles.calls("destroy-model")).toEqual([
      ["destroy-model", model, "--no-prompt", "--destroy-storage", "--force"],
    ]);
    expect(existsSync(join(doubles.directory, "data", "shared", model))).toBe(false);
    expect(readFileSync(join(doubles.directory, "reports", "report.md"), "utf8")).toContain("Single Download");
  });
});

describe("refused with the cause, and nothing is left", () => {
  const UNREACHABLE =
    "ERROR opening API connection: unable to connect to API: dial tcp 10.0.0.1:17070: connect: connection refused";
  test.each<[string, Record<string, string>, RegExp, number]>([
    [
      "client 3.5",
      { DOUBLE_VERSION: "3.5.7" },
      /the client is Juju 3\.5\.7-ubuntu-amd64, and the charm needs 3\.6 or later/,
      0,
    ],
    [
      "controller 2.9",
      { DOUBLE_VERSION: "2.9.51", DOUBLE_CLIENT: "3.6.1" },
      /controller lxd-ctl is Juju 2\.9\.51, and the charm needs/,
      0,
    ],
    [
      "controller unreachable",
      { DOUBLE_FAIL_SHOW_CONTROLLER: UNREACHABLE },
      /juju show-controller: opening API connection: .*connection refused/,
      0,
    ],
    [
      "no controller",
      { DOUBLE_FAIL_SHOW_CONTROLLER: "ERROR there is no active controller" },
      /juju show-controller: there is no active controller/,
      0,
    ],
    [
      "model exists",
      {
        DOUBLE_FAIL_ADD_MODEL:
          'ERROR failed to create new model: model "verify-1" for admin already exists (already exists)',
      },
      /juju add-model: failed to create new model: .*already exists/,
      0,
    ],
    ["another cloud", { DOUBLE_CLOUD: "ec2" }, /the controller's cloud is ec2, .* juju bootstrap localhost/, 1],
  ])("%s", async (_, environment, message, destroyed) => {
    doubles.installController(environment);
    const { code, stderr } = await verify();
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^ERROR /);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(doubles.calls("destroy-model")).toHaveLength(destroyed);
    expect(existsSync(join(doubles.directory, "data", "shared"))).toBe(false);
  });

  test("called with sudo: a charm packed here can be read by the person's juju, which may be a snap", async () => {
    doubles.installController({ DOUBLE_FAIL_ADD_MODEL: "ERROR no more models" });
    doubles.install("sudo", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"');
    const person = { SUDO_USER: "mia", SUDO_UID: "65534", SUDO_GID: "65534" };
    const { stderr } = await doubles.runAs(person, "verify", "--engine", "juju");
    expect(stderr).toContain("no more models");
    const charm = await packCharm(ARCH);
    const { uid, gid } = statSync(charm);
    chownSync(charm, 0, 0);
    expect([uid, gid]).toEqual([65534, 65534]);
  });

  test("juju not installed", async () => {
    const { code, stderr } = await verify();
    expect(stderr).toContain("juju is not installed. Install it with: snap install juju");
    expect(code).toBe(2);
  });

  test("an option of the other engine", async () => {
    const { code, stderr } = await verify("--machines", "incus");
    expect(stderr).toBe("ERROR --machines is for --engine local. Leave it out\n");
    expect(code).toBe(2);
  });
});
