/** On a host that lacks systemd and D-Bus: this one, in a mount namespace that hides them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ROOT } from "./run.mjs";

const scratch = mkdtempSync(join(tmpdir(), "concourse-machine-host-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const program = `
  import { ensureHostPackages, missingHostPackages } from ${JSON.stringify(join(ROOT, "scripts", "host-packages.mjs"))};
  const missing = missingHostPackages();
  const said = [];
  const left = ensureHostPackages((line) => said.push(line));
  console.log(JSON.stringify({ missing, said, left }));
`;

/** Runs the program with `apt-get` replaced by a script. @param hidden directories that are empty for it */
function onHost(hidden: readonly string[], aptGet: string): unknown {
  const apt = join(scratch, "apt-get");
  writeFileSync(apt, `#!/bin/sh\n${aptGet}\n`, { mode: 0o755 });
  const script = [
    ...hidden.map((directory) => `mount -t tmpfs tmpfs ${directory}`),
    `mount --bind ${apt} /usr/bin/apt-get`,
    `exec ${process.execPath} --input-type=module --eval "$0"`,
  ].join(" && ");
  const output = execFileSync("unshare", ["--mount", "sh", "-c", script, program], { encoding: "utf8" });
  return JSON.parse(output);
}

describe.skipIf(process.getuid?.() !== 0)("host packages", () => {
  const hidden = ["/usr/lib/systemd"];
  const advice = "Missing on this host: systemd dbus. Run: apt-get install --no-install-recommends systemd dbus";

  test("nothing is said or done when all is there", () => {
    expect(onHost([], "echo apt-get was called >&2; exit 1")).toEqual({ missing: [], said: [], left: null });
  });

  test("missing ones are named, then installed", () => {
    const install = `
      [ "$2" = install ] || exit 0
      mkdir /usr/lib/systemd/system
      touch /usr/lib/systemd/systemd /usr/lib/systemd/system/dbus.service`;
    expect(onHost(hidden, install)).toEqual({
      missing: ["systemd", "dbus"],
      said: ["Installing missing host packages with apt-get: systemd dbus"],
      left: null,
    });
  });

  test("if they cannot be installed, the answer is the command to run", () => {
    expect(onHost(hidden, "exit 100")).toMatchObject({ missing: ["systemd", "dbus"], left: advice });
  });
});
