/** Misuse of the tool ends with one line on standard error and exit code 2. */

import { spawnSync } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { mkdir, chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { Tool } from "./tool.ts";

let tool: Tool;

beforeAll(async () => {
  tool = await Tool.create("misuse");
  await tool.ok("add-model", tool.model);
  await packTinyCharm(join(tool.directory, "tiny.charm"));
  await writeFile(join(tool.directory, "text.charm"), "no zip");
  await writeFile(join(tool.directory, "text.yaml"), "a: [1\n");
  await mkdir(join(tool.directory, "packed"));
});
afterAll(() => tool.remove());

test.each([
  [["bogus"], 'unknown command "bogus"'],
  [["status", "--bogus"], "option provided but not defined: --bogus"],
  [["status", "-m", "nothere"], 'model "nothere" not found'],
  [["status", "-m", "../etc"], '"../etc" is not a valid model name'],
  [["add-model", "misuse"], 'model "misuse" already exists'],
  [["add-model"], "no model name specified"],
  [["deploy"], "no charm was specified"],
  [["deploy", "nothing"], 'charm "nothing" not found'],
  [["deploy", "tiny.charm"], '"tiny.charm" is no name of a charm'],
  [["deploy", "./none.charm"], "there is no file"],
  [["deploy", "./text.charm"], "is not a charm"],
  [["deploy", "./tiny.charm", "-n", "many"], 'invalid value "many"'],
  [["deploy", "./tiny.charm", "--config", "bogus=1"], "bogus"],
  [["deploy", "./tiny.charm", "--resource", "bogus=./tiny.charm"], "bogus"],
  [["deploy", "./tiny.charm", "--disk", "bogus"], 'invalid disk "bogus"'],
  [["add-unit", "nothere"], "nothere"],
  [["remove-unit", "nothere/0"], "nothere/0"],
  [["remove-unit", "nothere"], 'invalid unit name "nothere"'],
  [["integrate", "a"], "an integration must involve two applications"],
  [["integrate", "a", "b"], '"a"'],
  [["run", "nothere/0"], "no action specified"],
  [["exec", "true"], "You must specify a target"],
  [["exec", "--unit", "nothere/0", "true"], "nothere/0"],
  [["show-task", "77"], "77"],
  [["config", "nothere"], "nothere"],
  [["resolved", "nothere/0"], "nothere/0"],
  [["expose", "nothere"], "nothere"],
  [["machine", "explode", "0"], 'unknown act "explode"'],
  [["mirror", "serve", "./none.tgz"], "none.tgz is no directory, and no archive of a release"],
  [["mirror", "serve", "./text.charm"], "text.charm is no directory, and no archive of a release"],
  [["destroy-model", "misuse"], "Use: concourse-machine down -m MODEL"],
  [["remove-unit", "nothere/0", "--no-wait"], "--no-wait without --force not valid"],
  [["remove-application", "nothere", "--force"], "removing application nothere failed"],
  [["verify", "--release-file", "./text.charm"], "text.charm is not named as upstream names its archives"],
  [["mirror", "status"], "this model runs no release mirror"],
  [["refresh", "nothere", "--path", "./tiny.charm"], "nothere"],
  [["down"], "--yes"],
  [["up", "--units", "0"], 'invalid value "0"'],
  [["up", "--release", "bogus"], 'invalid value "bogus"'],
  [["deploy", "./packed"], "packed is a directory. Pack it first"],
  [["deploy", "./tiny.charm", "-n", "99999"], 'invalid value "99999" for option -n. Give a number from 0 to 1000'],
  [["deploy", "./tiny.charm", "--config", "./text.yaml"], "./text.yaml is no YAML: "],
  [
    ["deploy", "./tiny.charm", "--config", "./none.yaml"],
    "cannot read ./none.yaml: there is no such file. Give key=value",
  ],
  [["deploy", "./tiny.charm", "--resource", "blob=/etc"], 'not a file: /etc for resource "blob"'],
  [
    ["deploy", "./tiny.charm", "--disk", "a=/none:/srv"],
    "directory /none of disk a does not exist. Run mkdir -p /none",
  ],
  [["deploy", "./tiny.charm", "--disk", "a=/etc/passwd:/srv"], "source /etc/passwd of disk a is no directory"],
  [["deploy", "./tiny.charm", "--disk", "a=/etc:/"], 'invalid disk "a=/etc:/"'],
  [["deploy", "./tiny.charm", "--disk", "a=/etc:/a", "--disk", "a=/usr:/b"], 'disk "a" is given twice'],
  [["deploy", "./tiny.charm", "--to", "lxd:0"], 'invalid --to parameter "lxd:0". Give the number of a machine'],
  [["deploy", "./tiny.charm", "--to", "7"], "machine 7 not found"],
  [["run", "nothere/0", "echo", "a=[1"], 'the value of "a=[1" is no YAML: '],
  [["storage"], "no act specified. Use one of: attach, detach, status"],
  [["mirror", "bogus"], 'unknown act "bogus"'],
  [["machines", "prepare", "--machines", "namespaces", "--image", "a:b"], "namespaces have no image"],
])("%j", async (args, message) => {
  const ran = await tool.run(...args);
  expect(ran.stderr).toContain(message);
  expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ran.stderr).toMatch(/^ERROR /);
  expect(ran.code).toBe(2);
  expect(ran.stdout).toBe("");
});

test("a busy port of the host", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ran = await tool.run("expose", "nothere", "--host-port", `${port}:8080`);
  server.close();
  expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(`^ERROR port ${port} of this host is in use`) });
});

test("without root", async () => {
  await chmod(tool.directory, 0o755);
  const program = join(import.meta.dirname, "../../src/cli/main.ts");
  const words = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, program, "status"];
  const ran = spawnSync("setpriv", words, {
    encoding: "utf8",
    env: { CONCOURSE_MACHINE_DATA: join(tool.directory, "data") },
  });
  expect([ran.status, ran.stderr]).toEqual([2, "ERROR concourse-machine needs root. Run it with sudo\n"]);
});
