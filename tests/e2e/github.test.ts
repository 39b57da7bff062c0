/** `up` with a network and without: GitHub and the internet are the test's own. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { StatusData } from "../../src/model/state/types.ts";
import { standInArchive } from "../../standin/archive.ts";
import { GITHUB_NAMES, GitHubDouble } from "../fixtures/github.ts";
import { Internet } from "../internet.ts";
import { APPLICATION } from "./concourse.ts";
import { Tool, unitsOf } from "./tool.ts";

/** None of those whose digests the charm brings. */
const VERSION = "7.14.9";
const WORDS = ["--machines", "namespaces", "--units", "2"];

let internet: Internet;
let github: GitHubDouble;
let tool: Tool;
beforeAll(async () => {
  internet = await Internet.create({ names: GITHUB_NAMES });
  const { path, sha256 } = await standInArchive({ version: VERSION, variant: "small" });
  github = await GitHubDouble.create(internet, { version: VERSION, archive: path, sha256 });
  tool = await Tool.create("github", internet.onHost);
});
afterAll(async () => {
  await tool.remove();
  github.close();
  await internet.close();
});

const up = (...words: string[]) => tool.run("up", "-m", tool.model, ...WORDS, ...words);
const told = (text: RegExp) => (status: StatusData) =>
  Object.values(unitsOf(status)).some(({ workload }) => text.test(workload.message));

test("a GitHub whose authority the host does not know is refused before a model is made", async () => {
  const ran = await up("--release", "github");
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain("api.github.com is signed by an unknown authority: add it with update-ca-certificates");
  expect(await tool.ok("models")).not.toContain(tool.model);
});

test("units name what keeps them from GitHub, go on by themselves, and fetch the archive once, by TLS and redirect", async () => {
  github.trustedBy(internet);
  const upped = up("--release", "github");
  const begun = Date.now();
  while ((await tool.run("status", "-m", tool.model)).code !== 0 && Date.now() - begun < 60_000);
  await tool.until("an unknown authority told", told(/^api\.github\.com is signed by an unknown authority/), 300_000);

  github.change({ limited: true });
  const units = Object.keys(unitsOf(await tool.active("postgresql/0"))).filter((unit) => unit.startsWith(APPLICATION));
  expect(units).toHaveLength(2);
  const install = `cat >/usr/local/share/ca-certificates/test.crt <<'END'\n${github.authority}END\nupdate-ca-certificates`;
  for (const unit of units) await tool.inUnit(unit, install);
  const limited = /^GitHub's rate limit is used up until \d\d:\d\d UTC: set github-token, or release-mirror$/;
  await tool.until("the rate limit told", told(limited), 300_000);

  await tool.ok("config", APPLICATION, "github-token=test-token", "-m", tool.model);
  const { code, stdout } = await upped;
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`Web server ready \\(v${VERSION.replaceAll(".", "\\.")}\\)`));
  expect(stdout).toContain("./fly -t local login -c http://127.0.0.1:");
  expect(stdout).not.toContain("stand-in");

  const bodies = github.seen.filter(({ host }) => host === "release-assets.githubusercontent.com");
  expect(bodies).toEqual([expect.objectContaining({ method: "GET", range: null, status: 200, authorization: null })]);
  const redirected = github.seen.filter(({ host }) => host === "github.com");
  expect(redirected).toEqual([expect.objectContaining({ status: 302, authorization: null })]);
  expect(github.seen).toContainEqual(
    expect.objectContaining({ host: "api.github.com", status: 200, authorization: "Bearer test-token" }),
  );
});

test("without a network: github is refused before a model is made, and auto is the stand-in, told in the last lines", async () => {
  const nothing = await Internet.create();
  const alone = await Tool.create("alone", nothing.onHost);
  try {
    const refused = await alone.run("up", "-m", alone.model, ...WORDS, "--release", "github");
    expect(refused.stderr).toMatch(/api\.github\.com cannot be reached \(\w+\)/);
    expect(await alone.ok("models")).not.toContain(alone.model);
    const { code, stdout, stderr } = await alone.run(
      "up",
      "-m",
      alone.model,
      "--machines",
      "namespaces",
      "--units",
      "1",
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^Taking the stand-in release, which runs no pipelines: api\.github\.com cannot be reached/m,
    );
    const last = stdout.trimEnd().split("\n").slice(-5).join("\n");
    expect(last).toContain("This is the stand-in release");
    expect(last).toContain("up --release github");
  } finally {
    await alone.remove();
    await nothing.close();
  }
});
