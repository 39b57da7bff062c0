import { expect, test } from "vitest";
import { strangerAmong } from "./sharers.ts";

const MODEL = "0a1b2c3d-1111-4222-8333-444455556666";
const names = (...all: string[]) => all.map((name) => `${name}.json`);
/** Workers `gpu` and `build` of `web`, `cross` of a web in another model, and `lone`. */
const relations: Readonly<Record<string, readonly string[]>> = {
  web: ["gpu", "build"],
  gpu: ["web"],
  build: ["web"],
  cross: ["saas-web"],
  lone: [],
};
const stranger = (application: string, files: readonly string[]) =>
  strangerAmong(files, { modelUuid: MODEL, application, relatedTo: (name) => relations[name] ?? null });

test.each([
  ["an empty store", "web", names(), undefined],
  ["a related one", "web", names("0a1b2c3d-gpu"), undefined],
  ["one that is related to the same web", "gpu", names("0a1b2c3d-build"), undefined],
  ["an unrelated one", "gpu", names("0a1b2c3d-build", "0a1b2c3d-lone"), "0a1b2c3d-lone.json"],
  ["one of another model that nothing leads to", "gpu", names("99999999-web"), "99999999-web.json"],
  ["one of another model, once something leads there", "cross", names("99999999-web"), undefined],
  [
    "an unrelated one of this model all the same",
    "cross",
    names("99999999-web", "0a1b2c3d-lone"),
    "0a1b2c3d-lone.json",
  ],
  ["a store that it is on already", "web", names("0a1b2c3d-web", "99999999-build"), undefined],
])("%s", (_, application, files, expected) => {
  expect(stranger(application, files)).toBe(expected);
});
