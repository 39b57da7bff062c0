import { expect, test } from "vitest";
import { newOnes } from "./apt.ts";

test("what is there in another version is no package that came with an installation", () => {
  const text = `Reading package lists...
Inst login [1:4.13+dfsg1-1+deb12u1] (1:4.13+dfsg1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst uidmap (1:4.13+dfsg1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst incus-base (6.0.4-2~bpo12+1 Debian Backports:oldstable-backports [amd64]) []
Conf uidmap (1:4.13+dfsg1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
`;
  expect(newOnes(text)).toEqual(["uidmap", "incus-base"]);
});
