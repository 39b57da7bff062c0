/** `expose` leads a port of 127.0.0.1 to whichever unit opened it. */

import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { Tool } from "./tool.ts";

let tool: Tool;

beforeAll(async () => {
  tool = await Tool.create("exposure");
  await packTinyCharm(join(tool.directory, "tiny.charm"));
  await tool.ok("add-model", tool.model);
  await tool.ok("deploy", "./tiny.charm");
  await tool.active("tiny/0");
});
afterAll(() => tool.remove());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A service of the unit that answers each connection with one line. */
const HELLO_SERVICE = `cd /run/systemd/system
printf '[Socket]\\nListenStream=8000\\nAccept=yes\\n' >hello.socket
printf '[Service]\\nExecStart=/bin/hostname\\nStandardInput=socket\\n' >hello@.service
systemctl daemon-reload && systemctl start hello.socket`;

/** Everything that the other side says until it closes. */
async function listenTo(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  let heard = "";
  socket.on("data", (chunk: string) => (heard += chunk));
  await once(socket, "close");
  return heard;
}

test("a port of the host leads into the unit, also after the supervisor was killed, until unexpose", async () => {
  await tool.inUnit("tiny/0", HELLO_SERVICE);
  const port = await freePort();
  const ran = await tool.run("expose", "tiny", "--host-port", `${port}:8000`);
  expect(ran).toMatchObject({ code: 0, stderr: `127.0.0.1:${port} leads to port 8000 of tiny\n` });
  expect(await listenTo(port)).toMatch(/^juju-[0-9a-f]{6}-0\n$/);
  expect(await tool.ok("status")).toMatch(/^tiny .* yes /m);

  process.kill(await tool.supervisor(), "SIGKILL");
  await tool.active("tiny/0");
  expect(await listenTo(port)).toMatch(/^juju-/);

  await tool.ok("unexpose", "tiny");
  await expect(listenTo(port)).rejects.toThrow(/ECONNREFUSED/);
});
