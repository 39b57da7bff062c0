/** What holds of a model's way out, whatever the kind of its machines. The host and the internet are the test's own. */

import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { HOST, INTERNET, Internet } from "../internet.ts";
import { Tool } from "./tool.ts";

const METADATA = "169.254.169.254";

/** On every address, for connections that must not come. */
const secretServer = `my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 5, ReuseAddr => 1) or die $!; $| = 1;
  print "ready\\n"; while (my $c = $s->accept) { print $c "secret of the host\\n"; shutdown $c, 1; 1 while <$c>; close $c }`;

/** Docker's way of refusing what it does not know, and of publishing a port of a container. */
const firewall = `iptables -P FORWARD DROP
  iptables -t nat -A PREROUTING -p tcp --dport 8081 -m addrtype --dst-type LOCAL -j DNAT --to-destination ${INTERNET}:80
  nft add table inet guard
  nft add chain inet guard forward '{ type filter hook forward priority 10; policy drop; }'`;

/** All that a web server answers, without anything but bash. */
const get = (host: string, path = "/page", port = 80) =>
  `exec 3<>/dev/tcp/${host}/${port} && printf 'GET ${path} HTTP/1.0\\r\\nHost: ${host}\\r\\n\\r\\n' >&3 && timeout 5 cat <&3`;

/** Between answers. */
const END = "-- end --";

/** The model's end of the machines' network, as the machine knows it. */
const gateway = "$(ip route | sed -n 's/^default via \\(\\S*\\) .*/\\1/p')";

interface World {
  readonly open: Tool;
  readonly isolated: Tool;
  readonly trusted: Tool;
}

export function wayOutHolds(kind: string): void {
  let internet: Internet;
  let world: World;
  const servers: ChildProcess[] = [];
  const tools: Tool[] = [];
  let before = "";

  beforeAll(async () => {
    internet = await Internet.create({
      names: {
        "registry.example": INTERNET,
        "cache.office.example": INTERNET,
        "rebound.example": "127.0.0.1",
      },
      pages: { "/page": "a page of the internet" },
      resolver: "search office.example\n",
    });
    internet.hostSays(`set -e; ${firewall}`);
    internet.hostSays(`${internet.inside.join(" ")} ip address add ${METADATA}/32 dev lo`);
    before = internet.hostNetwork();
    await served(internet.onHost, secretServer);
    const make = async (name: string, ...options: string[]): Promise<Tool> => {
      const tool = await Tool.create(`${name}-${kind}`, internet.onHost);
      tools.push(tool);
      await packTinyCharm(join(tool.directory, "tiny.charm"));
      await tool.ok("add-model", tool.model, "--machines", kind, ...options);
      await tool.ok("deploy", "./tiny.charm");
      await tool.active("tiny/0");
      return tool;
    };
    world = {
      open: await make("open"),
      isolated: await make("isolated", "--isolated"),
      trusted: await make("trusted", "--allow-host"),
    };
  });

  afterAll(async () => {
    for (const server of servers) server.kill("SIGKILL");
    for (const tool of tools) await tool.remove();
    await internet.close();
  });

  /** Starts a server in Perl; the lines behind `ready`. */
  async function served(where: readonly string[], script: string): Promise<AsyncIterator<string>> {
    const [program = "", ...words] = [...where, "perl", "-MIO::Socket::INET", "-MSocket", "-e", script];
    const server = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
    servers.push(server);
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    return lines;
  }

  /** What a script in the unit says, also when it fails. */
  const says = async (tool: Tool, script: string) => (await tool.inUnit("tiny/0", `(${script}) 2>&1 || true`)).trim();

  const short = (tool: Tool): string =>
    (JSON.parse(readFileSync(join(tool.modelDirectory, "model.json"), "utf8")) as { short: string }).short;

  /** The end of a model's link that is the host's, or that is its own. */
  const link = (tool: Tool, end: "host" | "model"): string => {
    const seen = internet.hostSays(`ip -4 -oneline address show dev cm-${short(tool)}`);
    const address = /inet ([0-9.]+)/.exec(seen)?.[1] ?? "";
    return end === "host" ? address : address.replace(/\d+$/, (last) => String(Number(last) + 1));
  };

  const bridge = async (tool: Tool) => says(tool, `echo ${gateway}`);

  /** What the proxy answers to each of these request lines. */
  async function proxied(tool: Tool, lines: readonly string[], rest = "timeout 5 cat <&3"): Promise<string[]> {
    const each = lines.map(
      (line) =>
        `(exec 3<>/dev/tcp/${gateway}/17073; printf '${line} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; ${rest}); echo ${END}`,
    );
    return (await says(tool, each.join("\n")))
      .split(END)
      .slice(0, -1)
      .map((answer) => answer.trim());
  }

  /** What comes from each of these addresses and ports, by route. */
  async function gotten(tool: Tool, targets: readonly (readonly [address: string, port: number])[]): Promise<string[]> {
    const each = targets.map(([address, port]) => `(${get(address, "/page", port)}); echo ${END}`);
    return (await says(tool, each.join("\n")))
      .split(END)
      .slice(0, -1)
      .map((answer) => answer.trim());
  }

  test("a unit reaches the internet by name and by address", async () => {
    const { open } = world;
    for (const name of ["registry.example", "cache", INTERNET])
      expect([name, await says(open, get(name))]).toEqual([name, expect.stringContaining("a page of the internet")]);
    expect(await says(open, "getent hosts nowhere.example || echo none")).toBe("none");
  });

  test("its name server takes connections too", async () => {
    const question =
      "0,30,18,52,1,0,0,1,0,0,0,0,0,0,8,114,101,103,105,115,116,114,121,7,101,120,97,109,112,108,101,0,0,1,0,1";
    const ask = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new("'$(sed -n 's/^nameserver //p' /etc/resolv.conf)':53") or die $!;
      my @q = (${question}); $q[1] = @q - 2; print $s pack("C*", @q); read $s, my $l, 2; read $s, my $a, unpack("n", $l);
      print join(".", unpack("C4", substr $a, -4))'`;
    expect(await says(world.open, ask)).toBe(INTERNET);
  });

  test("its addresses are hidden behind the host's", async () => {
    const lines = await served(
      internet.inside,
      `my $s = IO::Socket::INET->new(LocalPort => 9000, Listen => 1, ReuseAddr => 1) or die $!; $| = 1;
      print "ready\n"; my $c = $s->accept; print $c->peerhost, "\n"`,
    );
    await says(world.open, `exec 3<>/dev/tcp/${INTERNET}/9000`);
    expect((await lines.next()).value).toBe(HOST);
  });

  test("by route it reaches neither the host, nor what is link-local, nor another model", async () => {
    const { open, trusted } = world;
    const ports = [
      [HOST, 7000],
      [HOST, 8081],
      [link(open, "host"), 7000],
      [link(trusted, "host"), 7000],
      [link(trusted, "model"), 17073],
      [METADATA, 80],
    ] as const;
    const unreachable = ports.map(() => expect.stringContaining("Network is unreachable"));
    expect(await gotten(open, ports)).toEqual(unreachable);
    // Nothing leads from the internet, or from the host, into a model.
    const inward = `ip route add ${await bridge(open)}/16 via ${link(open, "model")} && ! timeout 2 bash -c '</dev/tcp/${await bridge(open)}/17073'`;
    expect(() => internet.hostSays(inward.replace("/16 via", "/32 via"))).not.toThrow();
    internet.hostSays(`ip route del ${await bridge(open)}/32`);
  });

  test("the proxy refuses the host, what is link-local, and other models, however they are written", async () => {
    const refused = {
      "127.0.0.1": "127.0.0.1 is an address of this host",
      localhost: expect.stringMatching(/^localhost is (127\.0\.0\.1|::1), an address of this host$/),
      "0.0.0.0": "0.0.0.0 is an address of this host",
      "127.1": "127.0.0.1 is an address of this host",
      "2130706433": "127.0.0.1 is an address of this host",
      "[::1]": "::1 is an address of this host",
      "[::ffff:127.0.0.1]": "::ffff:7f00:1 is an address of this host",
      [HOST]: `${HOST} is an address of this host`,
      "rebound.example": "rebound.example is 127.0.0.1, an address of this host",
      [METADATA]: `${METADATA} is a link-local address`,
      "[::ffff:169.254.169.254]": "::ffff:a9fe:a9fe is a link-local address",
      "[fe80::1]": "fe80::1 is a link-local address",
      "198.18.0.1": "198.18.0.1 is an address of a model",
      "255.255.255.255": "255.255.255.255 is no address of a single host",
    };
    const hosts = Object.keys(refused);
    const lines = hosts.flatMap((host) => [`CONNECT ${host}:7000`, `GET http://${host}:7000/`]);
    for (const tool of [world.open, world.isolated]) {
      const answers = await proxied(tool, lines);
      expect(answers.map((answer) => answer.slice(0, 12))).toEqual(lines.map(() => "HTTP/1.1 403"));
      const texts = answers.map((answer) => /^Refused: ([^;\n]*)/m.exec(answer)?.[1]);
      expect(texts).toEqual(Object.values(refused).flatMap((text) => [text, text]));
    }
  });

  test("the proxy leads to the internet, in an isolated model too, and by that alone", async () => {
    const { isolated } = world;
    const [page] = await proxied(isolated, ["GET http://registry.example/page"]);
    expect(page).toContain("a page of the internet");
    const tunnel = `read -r line <&3; echo "$line"; read -r line <&3; printf 'GET /page HTTP/1.0\\r\\n\\r\\n' >&3; timeout 5 cat <&3`;
    const [answer] = await proxied(isolated, ["CONNECT registry.example:80"], tunnel);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*a page of the internet/s);
    expect(await says(isolated, get(INTERNET))).toContain("Network is unreachable");
    expect(await says(isolated, "getent hosts registry.example || echo none")).toBe("none");
  });

  test("no request to the proxy ends the supervisor", async () => {
    const { open } = world;
    const pid = await open.supervisor();
    const lines = ["CONNECT a:99999", "CONNECT ", "CONNECT [::", "GET /path", "GET https://a/", "GET http://a:0/"];
    expect(await proxied(open, lines)).toEqual(lines.map(() => expect.stringMatching(/^HTTP\/1\.1 (400|502) /)));
    await proxied(open, ["CONNECT registry.example:80", "GET http://registry.example/page", "CONNECT a b"], "exit");
    const [page] = await proxied(open, ["GET http://registry.example/page"]);
    expect(page).toContain("a page of the internet");
    expect(await open.supervisor()).toBe(pid);
    expect(await open.ok("models")).toMatch(/ running$/m);
  });

  test("a connection that is reset ends, with nothing written into it", async () => {
    await served(
      internet.inside,
      `my $s = IO::Socket::INET->new(LocalPort => 9001, Listen => 5, ReuseAddr => 1) or die $!; $| = 1;
      print "ready\n"; while (my $c = $s->accept) { print $c "begun\n"; $c->flush; sysread $c, my $x, 1;
        setsockopt $c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0); close $c }`,
    );
    const rest = `for n in 1 2 3; do read -r line <&3; echo "$line"; done; echo >&3; timeout 5 cat <&3`;
    const [answer = ""] = await proxied(world.open, [`CONNECT ${INTERNET}:9001`], rest);
    expect(answer.replaceAll("\r", "")).toBe("HTTP/1.1 200 Connection Established\n\nbegun");
  });

  test("a model that is allowed to reaches the host, by route and by proxy, and nothing else that others do not", async () => {
    const { trusted } = world;
    expect(await says(trusted, get(HOST, "/", 7000))).toContain("secret of the host");
    const tunnel = "read -r line <&3; read -r line <&3; timeout 5 cat <&3";
    const hosts = ["127.0.0.1", "localhost", HOST].map((host) => `CONNECT ${host}:7000`);
    expect(await proxied(trusted, hosts, tunnel)).toEqual(hosts.map(() => "secret of the host"));
    const [metadata] = await proxied(trusted, [`CONNECT ${METADATA}:80`]);
    expect(metadata).toMatch(/^HTTP\/1\.1 403 /);
    const others = [
      [METADATA, 80],
      [link(world.open, "model"), 17073],
    ] as const;
    expect(await gotten(trusted, others)).toEqual(others.map(() => expect.stringContaining("Network is unreachable")));
  });

  test("a machine keeps its way out over a reboot, and a supervisor that starts puts back what a firewall has lost", async () => {
    const { open } = world;
    internet.hostSays("nft flush chain inet guard forward; iptables -F FORWARD");
    expect(await says(open, `timeout 2 bash -c '</dev/tcp/${INTERNET}/80' || echo lost`)).toBe("lost");
    process.kill(await open.supervisor(), "SIGKILL");
    await open.ok("machine", "reboot", "0");
    await open.active("tiny/0");
    expect(await says(open, get("registry.example"))).toContain("a page of the internet");
  });

  test("in the end the host's network is as it was, also after a crash", async () => {
    process.kill(await world.trusted.supervisor(), "SIGKILL");
    for (const tool of [world.open, world.isolated, world.trusted]) {
      expect(internet.hostSays("cat /proc/sys/net/ipv4/ip_forward")).toBe("1\n");
      await tool.ok("down", "-m", tool.model, "--yes");
    }
    expect(internet.hostNetwork()).toBe(before);
  });
}
