import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** Runs the charm's `dispatch` with a program that only says that it ran, and `heeds` in a mount namespace of its own. */
function reconciles(hook: string, remoteUnit: string, heeds: string | null): boolean {
  const charm = mkdtempSync(join(tmpdir(), "dispatch-"));
  onTestFinished(() => rmSync(charm, { recursive: true }));
  mkdirSync(join(charm, "bin"));
  writeFileSync(join(charm, "bin/node"), "#!/bin/sh\necho ran\n");
  chmodSync(join(charm, "bin/node"), 0o755);
  const place = `mount -t tmpfs none /var/lib && mkdir /var/lib/concourse-unit${heeds === null ? "" : ` && echo '${heeds}' >/var/lib/concourse-unit/heeds`}`;
  const script = `${place} && exec sh ${join(process.cwd(), "charm/dispatch")}`;
  const environment = {
    JUJU_CHARM_DIR: charm,
    JUJU_UNIT_NAME: "ci/1",
    JUJU_DISPATCH_PATH: hook,
    JUJU_REMOTE_UNIT: remoteUnit,
  };
  const output = execFileSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
    env: { PATH: process.env["PATH"], ...environment },
    encoding: "utf8",
  });
  return output === "ran\n";
}

test.each([
  ["hooks/peers-relation-changed", "ci/2", "ci/1 ci/0", false],
  ["hooks/peers-relation-joined", "ci/2", "ci/1 ci/0", false],
  ["hooks/peers-relation-departed", "ci/2", "ci/1 ci/0", false],
  ["hooks/peers-relation-changed", "ci/0", "ci/1 ci/0", true],
  // Whose web is another application goes by nobody's word among its peers.
  ["hooks/peers-relation-changed", "ci/0", "ci/1 -", false],
  ["hooks/flight-relation-changed", "web/0", "ci/1 -", true],
  // The leader's decisions come without a unit.
  ["hooks/peers-relation-changed", "", "ci/1 ci/0", true],
  // A note of a unit that was here before.
  ["hooks/peers-relation-changed", "ci/2", "ci/9 ci/0", true],
  ["hooks/peers-relation-changed", "ci/2", null, true],
  ["hooks/config-changed", "", "ci/1 ci/0", true],
  ["hooks/wake", "", "ci/1 ci/0", true],
  ["hooks/postgresql-relation-changed", "pg/0", "ci/1 ci/0", true],
])("%s from %j with the note %j: reconciles %s", (hook, remoteUnit, heeds, expected) => {
  expect(reconciles(hook, remoteUnit, heeds)).toBe(expected);
});
