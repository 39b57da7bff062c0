/** The last lines of `up`. */

import { expect, test } from "vitest";
import { farewell } from "./farewell.ts";

const told = { url: "http://127.0.0.1:8081", option: " -m ci", workers: "concourse-worker", standIn: false };

test("with the real Concourse: fly from this web, a login, and a pipeline to set", () => {
  const text = farewell(told);
  expect(text).toMatch(
    /^fly: +curl -fLo fly 'http:\/\/127\.0\.0\.1:8081\/api\/v1\/cli\?arch=(amd64|arm64)&platform=linux'/m,
  );
  expect(text).toMatch(/^Log in: +\.\/fly -t local login -c http:\/\/127\.0\.0\.1:8081 -u admin -p PASSWORD$/m);
  expect(text).toMatch(/^Pipeline: +\.\/fly -t local set-pipeline -p hello -c docs\/tutorial\/hello\.yml$/m);
  expect(text).toContain("npx concourse-machine add-unit concourse-worker -m ci\n");
  expect(text).not.toContain("stand-in");
});

test("with the stand-in: that it is one, in the last lines, and how the real one is had; nothing about pipelines", () => {
  const text = farewell({ ...told, standIn: true });
  const last = text.trimEnd().split("\n").slice(-5).join("\n");
  expect(last).toContain("This is the stand-in release");
  expect(last).toContain("npx concourse-machine up --release github -m ci");
  expect(text).not.toContain("fly");
});
