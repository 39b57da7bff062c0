import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startHookServer, type ExecCall, type HookReply, type ToolCall } from "./hook-server.ts";
import { hookCommandScript, jujuExecScript } from "./unit-client.ts";

const CONTEXT = "app/0-install-0123456789abcdef0123456789abcdef";
const ENVIRONMENT = {
  PATH: "/usr/bin:/bin",
  JUJU_CONTEXT_ID: CONTEXT,
  JUJU_AGENT_SOCKET_ADDRESS: "/var/lib/juju/agents/unit-app-0/agent.socket",
  JUJU_AGENT_SOCKET_NETWORK: "unix",
};

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("hook commands in bash", () => {
  let directory = "";
  let server: Server;
  let calls: (ToolCall | ExecCall)[] = [];
  let reply: (call: ToolCall | ExecCall) => HookReply = () => ({ code: 0, stdout: "", stderr: "" });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hook-"));
    calls = [];
    const answer = (call: ToolCall | ExecCall): HookReply => {
      calls.push(call);
      return reply(call);
    };
    const handlers = { tool: answer, exec: (call: ExecCall) => Promise.resolve(answer(call)) };
    server = await startHookServer("127.0.0.1", 0, handlers, (error) => expect.unreachable(String(error)));
    const address = `127.0.0.1/${(server.address() as AddressInfo).port}`;
    await writeFile(join(directory, "jujuc"), hookCommandScript(address), { mode: 0o755 });
    await writeFile(join(directory, "juju-exec"), jujuExecScript(address, "/run.socket"), { mode: 0o755 });
    for (const name of ["config-get", "relation-set", "status-set"]) await symlink("jujuc", join(directory, name));
  });

  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  async function call(
    command: string,
    args: string[],
    options: { env?: object; input?: string; cwd?: string } = {},
  ): Promise<Ran> {
    const child = spawn(join(directory, command), args, {
      env: { ...ENVIRONMENT, ...options.env },
      cwd: options.cwd ?? directory,
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
    const [code] = (await once(child, "close")) as [number];
    return { code, ...output };
  }

  test("arguments arrive as they were given, and both outputs and the code go back", async () => {
    reply = () => ({ code: 3, stdout: "a\nb\n", stderr: "ERROR no\n" });
    const args = ["plain", "two words", "", "new\nline", "ünïcode", "--flag=$HOME `id` *", "-"];
    expect(await call("config-get", args, { cwd: "/usr" })).toEqual({
      code: 3,
      stdout: "a\nb\n",
      stderr: "ERROR no\n",
    });
    expect(calls).toEqual([{ contextId: CONTEXT, cwd: "/usr", command: "config-get", args, stdin: null }]);
  });

  test("standard input is sent only when it is asked for", async () => {
    reply = (asked) => ({ code: 0, stdout: `${asked.stdin?.length}`, stderr: "", needsStdin: asked.stdin === null });
    const input = `key: "${"wert\\n".repeat(20_000)}ß"\n`;
    expect((await call("relation-set", ["--file", "-"], { input })).stdout).toBe(`${input.length}`);
    expect(calls.map((asked) => asked.stdin)).toEqual([null, input]);
  });

  test("text of any length and without a newline at its end", async () => {
    const stdout = `${"0123456789äöü\n".repeat(30_000)}end`;
    reply = () => ({ code: 0, stdout, stderr: "" });
    expect((await call("config-get", [])).stdout).toBe(stdout);
  });

  test("commands of one hook may run at once", async () => {
    reply = (asked) => ({ code: 0, stdout: asked.args[0] ?? "", stderr: "" });
    const words = Array.from({ length: 20 }, (_, index) => `word-${index}`);
    const outputs = await Promise.all(words.map((word) => call("config-get", [word])));
    expect(outputs.map(({ stdout }) => stdout)).toEqual(words);
  });

  test.each(["JUJU_CONTEXT_ID", "JUJU_AGENT_SOCKET_ADDRESS", "JUJU_AGENT_SOCKET_NETWORK"])(
    "without %s",
    async (name) => {
      const ran = await call("config-get", [], { env: { [name]: undefined } });
      expect(ran).toEqual({ code: 1, stdout: "", stderr: `ERROR ${name} not set\n` });
      expect(calls).toEqual([]);
    },
  );

  test("no server: the dial error of Juju's client", async () => {
    server.close();
    const stderr = `ERROR dial unix ${ENVIRONMENT.JUJU_AGENT_SOCKET_ADDRESS}: connect: connection refused\n`;
    expect(await call("config-get", [])).toEqual({ code: 1, stdout: "", stderr });
  });

  test("juju-exec sends its words and the context it was called in", async () => {
    reply = () => ({ code: 7, stdout: "out", stderr: "err" });
    expect(await call("juju-exec", ["-u", "app/0", "is-leader"])).toEqual({ code: 7, stdout: "out", stderr: "err" });
    expect(calls).toMatchObject([{ contextId: CONTEXT, args: ["-u", "app/0", "is-leader"], peer: "127.0.0.1" }]);
  });

  test("a client needs nothing but bash: no other program is started", async () => {
    reply = () => ({ code: 0, stdout: "ok\n", stderr: "" });
    const { stdout } = await promisify(execFile)("/bin/bash", [join(directory, "config-get")], {
      env: { ...ENVIRONMENT, PATH: "/nowhere" },
    });
    expect(stdout).toBe("ok\n");
  });
});
