/**
 * The charm as an operator gets it: what Juju 3.6 and 4 read from the zip (`charm12/charmarchive.go`, `meta.go`,
 * `manifest.go`, `config.go`, `actions.go`, `lxdprofile.go`), what a 3.6 controller does to it when it packs it again
 * (`charm12/charmdir.go`), and what the unit needs to run it.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../scripts/run.mjs";
import { packCharm } from "../../scripts/pack.ts";
import { writeProject } from "../../scripts/pack/charmcraft.ts";
import { charmContents } from "../../scripts/pack/contents.ts";
import { ARCHITECTURES, type Arch } from "../../scripts/pack/runtime.ts";
import { readElf } from "./artefact/elf.ts";
import { readZip, type ZipEntry } from "./artefact/zip.ts";

const MINUTES = 60_000;
const scratch = mkdtempSync(join(tmpdir(), "concourse-machine-artefact-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(ARCHITECTURES)("the charm for %s", (arch) => {
  let file: string;
  let entries: ZipEntry[];
  const content = (path: string): Buffer => {
    const entry = entries.find((candidate) => candidate.path === path);
    if (entry === undefined) throw new Error(`${path} is not in the charm`);
    return entry.content;
  };
  const yaml = (path: string): any => parse(content(path).toString());

  beforeAll(async () => {
    file = await packCharm(arch);
    entries = await readZip(file);
  }, 5 * MINUTES);

  test("is at most 60 MB", () => {
    expect(statSync(file).size).toBeLessThanOrEqual(60e6);
  });

  test("holds what Juju reads and what the unit runs", () => {
    expect(entries.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        "metadata.yaml",
        "config.yaml",
        "actions.yaml",
        "manifest.yaml",
        "lxd-profile.yaml",
        "dispatch",
        "version",
        "main.mjs",
        "bin/node",
        "LICENSE",
        "LICENSES.third-party.txt",
        "icon.svg",
        "README.md",
      ]),
    );
  });

  test("holds plain files only, in order, executable exactly where they are programs", () => {
    const paths = entries.map(({ path }) => path);
    expect(paths).toEqual([...new Set(paths)].toSorted());
    for (const { path, mode } of entries) {
      const executable = path === "dispatch" || path === "bin/node";
      expect(`${path} ${mode.toString(8)}`).toBe(`${path} ${executable ? "100755" : "100644"}`);
    }
  });

  test("loses nothing when a 3.6 controller packs it again", () => {
    const dropped = /^(\.git|\.svn|\.hg|\.bzr|\.tox|build|revision|\.jujuignore)(\/|$)/;
    expect(entries.map(({ path }) => path).filter((path) => dropped.test(path))).toEqual([]);
  });

  test("has the metadata of a charm with bases", () => {
    const metadata = yaml("metadata.yaml");
    for (const key of ["name", "summary", "description"]) expect(metadata[key]).toMatch(/\S/);
    expect(metadata.name).toBe("concourse-ci-machine");
    expect(metadata.summary.length).toBeLessThanOrEqual(200);
    expect(Object.keys(metadata)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(series|min-juju-version|deployment)$/)]),
    );
    const relations = ["provides", "requires", "peers"].flatMap((role) => Object.keys(metadata[role] ?? {}));
    expect(relations).toEqual([...new Set(relations)]);
    for (const name of relations) expect(name).toMatch(/^(?!juju(-|$))[a-z][a-z0-9-]*[a-z0-9]$/);
  });

  test("names its bases", () => {
    expect(yaml("manifest.yaml")).toEqual({
      bases: ["22.04", "24.04"].map((channel) => ({ name: "ubuntu", channel, architectures: [arch] })),
    });
  });

  test("has options with types that Juju knows and defaults that fit", () => {
    const fits: Record<string, (value: unknown) => boolean> = {
      string: (value) => typeof value === "string",
      int: Number.isInteger,
      float: (value) => typeof value === "number",
      boolean: (value) => typeof value === "boolean",
      secret: (value) => typeof value === "string",
    };
    const options = Object.entries<any>(yaml("config.yaml").options);
    expect(options.length).toBeGreaterThan(0);
    for (const [name, { type, description, ...rest }] of options) {
      expect(Object.keys(fits), name).toContain(type);
      expect(description, name).toMatch(/\S/);
      if ("default" in rest) expect(fits[type]?.(rest.default), `default of ${name}`).toBe(true);
    }
  });

  test("has actions that Juju and charmcraft accept", () => {
    const actions = Object.entries<any>(yaml("actions.yaml"));
    expect(actions.length).toBeGreaterThan(0);
    for (const [name, action] of actions) {
      expect(name).toMatch(/^(?!juju(-|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/);
      expect(["import", "global", "pass", "del", "with", "raise", "return", "yield"]).not.toContain(name);
      expect(action.description, name).toMatch(/\S/);
      expect(JSON.stringify(action), name).not.toMatch(/"\$(schema|ref)"/);
    }
  });

  test("has an LXD profile that Juju lets through", () => {
    const profile = yaml("lxd-profile.yaml");
    expect(Object.keys(profile).filter((key) => !["config", "description", "devices"].includes(key))).toEqual([]);
    expect(Object.keys(profile.config).filter((key) => /^(boot|limits|migration)/.test(key))).toEqual([]);
    for (const value of Object.values(profile.config)) expect(value).toBeTypeOf("string");
    for (const device of Object.values<any>(profile.devices)) {
      expect(["unix-char", "unix-block", "gpu", "usb"]).toContain(device.type);
    }
  });

  test("brings a Node, not stripped, that needs nothing but the C and C++ run time", () => {
    const { machine, needed, symbols } = readElf(content("bin/node"));
    expect(machine).toBe({ amd64: 62, arm64: 183 }[arch]);
    expect(symbols).toBe(true);
    expect(needed).toContain("libc.so.6");
    const allowed = /^(libc|libm|libdl|libpthread|libstdc\+\+|libgcc_s|ld-linux-x86-64|ld-linux-aarch64)\.so\.\d+$/;
    expect(needed.filter((library) => !allowed.test(library))).toEqual([]);
  });

  test("has a program that loads Node's modules only where they are used", () => {
    const imports = content("main.mjs")
      .toString()
      .matchAll(/\bimport\s*(?:[\w$*{][^;"]*?from\s*)?"([^"]+)"/g);
    expect([...imports].map(([, module]) => module)).toEqual(["node:module"]);
  });

  test("names its version and the licences of what it bundles", () => {
    const about = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(content("version").toString()).toMatch(new RegExp(`^${about.version}\\+[0-9a-f]{12}\n$`));
    const licences = content("LICENSES.third-party.txt").toString();
    expect(licences).toMatch(/^Node\.js 24\.\d+\.\d+ \(bin\/node\)$/m);
    expect(licences).toMatch(/^semver \d+\.\d+\.\d+: ISC$/m);
    const withoutText = licences.matchAll(/: (.+)\n\n\(The package has no licence file/g);
    // Licences that ask for no notice.
    for (const [, licence] of withoutText) expect(["Unlicense", "CC0-1.0", "0BSD"]).toContain(licence);
  });

  test("is not packed again while nothing has changed", async () => {
    const before = statSync(file, { bigint: true });
    expect(await packCharm(arch)).toBe(file);
    const after = statSync(file, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  test("has the same contents when charmcraft packs it", async () => {
    const project = join(scratch, `project-${arch}`);
    await writeProject(project, await charmContents(arch));
    const { platforms, parts } = parse(readFileSync(join(project, "charmcraft.yaml"), "utf8"));
    expect(parts).toEqual({ charm: { plugin: "dump", source: "charm" } });
    const bases = Object.values<any>(platforms).flatMap((platform) => platform["build-for"]);
    expect(bases).toEqual(expect.arrayContaining([`ubuntu@22.04:${arch}`, `ubuntu@24.04:${arch}`]));

    const beside = ["metadata.yaml", "config.yaml", "actions.yaml"].map((path) => join(project, path));
    const primed = new Map([
      ...beside.map((path) => [relative(project, path), path] as const),
      ...filesBelow(join(project, "charm")),
    ]);
    expect([...primed.keys(), "manifest.yaml"].toSorted()).toEqual(entries.map(({ path }) => path));
    for (const [path, source] of primed) {
      const same = readFileSync(source).equals(content(path));
      expect(same, path).toBe(true);
      expect(`${path} ${(statSync(source).mode & 0o100) !== 0}`).toBe(
        `${path} ${path === "dispatch" || path === "bin/node"}`,
      );
    }
  });
});

function filesBelow(directory: string): (readonly [path: string, source: string])[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .map((source) => [relative(directory, source), source] as const);
}

test("the charm has the same bytes under another path, time zone and umask", { timeout: 5 * MINUTES }, async () => {
  const arch: Arch = process.arch === "arm64" ? "arm64" : "amd64";
  const here = await packCharm(arch);
  const copy = join(scratch, "a copy", "of the repository");
  for (const path of ["charm", "scripts", "src", "package.json", "package-lock.json", "tsconfig.json", "LICENSE"]) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const pack = `umask 077; exec "$0" scripts/pack.ts ${arch}`;
  const env = { ...process.env, TZ: "Pacific/Kiritimati", LC_ALL: "C" };
  execFileSync("sh", ["-c", pack, process.execPath], { cwd: copy, env, stdio: "pipe" });
  expect(sha256(join(copy, relative(ROOT, here)))).toBe(sha256(here));
});

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

describe("dispatch finds the charm", () => {
  const charm = join(scratch, "unit-app-0", "charm");
  const arguments_ = ["one two", "three"];
  const expected = `${charm}/main.mjs|one two|three|${charm}/.compile-cache\n`;

  beforeAll(() => {
    mkdirSync(join(charm, "bin"), { recursive: true });
    cpSync(join(ROOT, "charm", "dispatch"), join(charm, "dispatch"));
    const node = '#!/bin/sh\nIFS="|"; echo "$*|$NODE_COMPILE_CACHE"\n';
    writeFileSync(join(charm, "bin", "node"), node, { mode: 0o755 });
  });

  test.each([
    { told: "by JUJU_CHARM_DIR", env: { JUJU_CHARM_DIR: charm, CHARM_DIR: "/nowhere" } },
    { told: "by CHARM_DIR", env: { CHARM_DIR: charm } },
    { told: "by its own path", env: {} },
  ])("$told", ({ env }) => {
    const path = { PATH: "/usr/bin:/bin" };
    const output = execFileSync("sh", [join(charm, "dispatch"), ...arguments_], { cwd: "/", env: { ...path, ...env } });
    expect(output.toString()).toBe(expected);
  });

  test.each([
    ["hooks/peers-relation-joined", ""],
    ["hooks/peers-relation-changed", expected],
    ["actions/peers-relation-joined", expected],
  ])("what %s starts", (dispatched, started) => {
    const env = { PATH: "/usr/bin:/bin", CHARM_DIR: charm, JUJU_DISPATCH_PATH: dispatched };
    const output = execFileSync("sh", [join(charm, "dispatch"), ...arguments_], { cwd: "/", env });
    expect(output.toString()).toBe(started);
  });
});
