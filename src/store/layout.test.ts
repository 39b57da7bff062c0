import * as fc from "fast-check";
import { expect, test } from "vitest";
import * as layout from "./layout.ts";

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const version = fc
  .tuple(fc.nat(), fc.nat(), fc.nat(), fc.constantFrom("", "-rc.1", "-linux-amd64-000000000000"))
  .map(([a, b, c, tail]) => `${a}.${b}.${c}${tail}`);
const arch = fc.constantFrom("amd64" as const, "arm64" as const);
const member = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
const uuid = fc.uuid();

test("a release is named by version, architecture and digest", () => {
  const target = { version: "7.14.3", arch: "amd64" as const, sha256: "1a2b3c4d5e6f".padEnd(64, "0") };
  expect(layout.releaseName(target)).toBe("7.14.3-linux-amd64-1a2b3c4d5e6f");
  expect(layout.releaseName(target, 2)).toBe("7.14.3-linux-amd64-1a2b3c4d5e6f.2");
});

test("every name can be read back", () => {
  fc.assert(
    fc.property(
      version,
      arch,
      digest,
      fc.integer({ min: 1, max: 99 }),
      member,
      uuid,
      (version, arch, sha256, copy, member, uuid) => {
        const release = layout.releaseName({ version, arch, sha256 }, copy);
        expect(layout.parseReleaseName(release)).toEqual({ version, arch, digest: sha256.slice(0, 12), copy });
        expect(layout.trashedRelease(layout.trashName(release, uuid))).toBe(release);
        expect(layout.partialDigest(layout.partialName(sha256, member, uuid))).toBe(sha256);
        expect(layout.stagingMember(layout.stagingName(member, uuid))).toBe(member);
      },
    ),
  );
});

test("foreign names are nobody's", () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(layout.partialDigest(name)).toBeNull();
      expect(layout.trashedRelease(name)).toBeNull();
      expect(layout.stagingMember(name)).toBeNull();
    }),
  );
  for (const name of [
    "",
    "7.14.3",
    "7.14.3-linux-amd64-1a2b3c4d5e6f.1",
    "7.14.3-linux-amd64-1a2b3c4d5e6f.02",
    "../x",
  ]) {
    expect(layout.parseReleaseName(name)).toBeNull();
  }
});

// What `action-set` takes as a part of a key: units are named so in the results of actions.
test.each(["", "-", "x-", "-x", "x.y", "X", "x/y", "x".repeat(121)])("%j is no name of a unit", (name) => {
  expect(layout.isMember(name)).toBe(false);
});
