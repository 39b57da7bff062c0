import fc from "fast-check";
import { expect, test } from "vitest";
import { environmentFile, webSettings } from "../../src/concourse/settings.ts";
import { withTsaHost } from "../../src/charm/hosts.ts";
import { web } from "./charm/facts.ts";

/** How systemd reads a double-quoted value: a backslash before one of four characters goes, all else stays. */
function systemdReads(file: string): Record<string, string> {
  const pairs = file.matchAll(/^(\w+)="((?:[^"\\]|\\[\s\S])*)"$/gm);
  return Object.fromEntries([...pairs].map(([, key, value]) => [key, (value ?? "").replace(/\\(["\\`$])/g, "$1")]));
}

test("any value reaches the service as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (value) => {
      expect(systemdReads(environmentFile({ A: value, B: "x" }))).toEqual({ A: value, B: "x" });
    }),
  );
});

test("what is not set is left out: an empty variable is not an unset one to Concourse", () => {
  const { answer } = web.database;
  const settings = webSettings({
    port: 8080,
    externalUrl: "http://x",
    peerAddress: "10.0.0.1",
    clusterName: "ci",
    adminName: "admin",
    adminPasswordHash: "h",
    logLevel: "info",
    database: answer!,
    databaseHost: { host: "db", port: 5432 },
  });
  const file = environmentFile(settings);
  expect(file).not.toContain("CA_CERT");
  expect(file).not.toMatch(/=""/);
});

test("the hosts file keeps everything that is not ours, and takes our line back", () => {
  const hosts = "127.0.0.1 localhost\n# mine\n";
  const once = withTsaHost(hosts, ["10.0.0.1"]);
  expect(once).toBe(`${hosts}10.0.0.1 tsa.concourse.internal # concourse-ci-machine\n`);
  expect(withTsaHost(once, ["10.0.0.2"])).toBe(once.replace("10.0.0.1", "10.0.0.2"));
  expect(withTsaHost(once, [])).toBe(hosts);
});
