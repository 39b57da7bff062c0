import { expect, test } from "vitest";
import { silent } from "./connect.ts";
import { incus } from "./flavour.ts";

test("the command that makes a daemon answer can be copied as it is printed", () => {
  expect(silent(incus).message).toBe(
    "No daemon of Incus answers on this host. Run: concourse-machine machines prepare --machines incus",
  );
});
