import { expect, test } from "vitest";
import { UserError } from "../errors.ts";
import { machineKind, machineKinds } from "./index.ts";

test("kinds are found by name, an unknown one names those there are", () => {
  for (const name of machineKinds) expect(machineKind(name).name).toBe(name);
  expect(() => machineKind("qemu")).toThrow(UserError);
  expect(() => machineKind("qemu")).toThrow("Use one of: incus, lxd, namespaces");
});
