/**
 * An "internet" of a test's own, and a host that is connected to it: network namespaces, so that nothing of this machine's
 * network is touched or seen. What runs on that host sees this machine's files, but for /etc/resolv.conf.
 */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Addresses that documentation has for itself (RFC 5737): nothing else on this machine has them. */
export const HOST = "203.0.113.2";
export const INTERNET = "203.0.113.1";

export interface InternetOptions {
  /** Names, and what they are; all others have no address. */
  readonly names?: Readonly<Record<string, string>>;
  /** Paths below `http://<any name>/`, and the text behind them. */
  readonly pages?: Readonly<Record<string, string>>;
  /** More of the host's resolv.conf. */
  readonly resolver?: string;
}

/** Keeps namespaces for as long as its standard input is open: they end with the test, however it ends. */
function holder(words: readonly string[], script: string): ChildProcess {
  return spawn(words[0]!, [...words.slice(1), "sh", "-c", `${script}\necho ready; exec cat`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

async function ready(child: ChildProcess): Promise<number> {
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  if (line !== "ready" || child.pid === undefined) throw new Error(line);
  return child.pid;
}

/** Words before a command so that it runs in a process's namespaces. */
const into = (pid: number, ...namespaces: string[]) => ["nsenter", `--target=${pid}`, ...namespaces, "--"];

export class Internet {
  readonly #directory: string;
  readonly #children: readonly ChildProcess[];
  /** Words before a command that runs on the host. */
  readonly onHost: readonly string[];
  /** Words before a command that runs in the internet, with all files of this machine: a registry, say, or a git server. */
  readonly inside: readonly string[];

  private constructor(directory: string, children: readonly ChildProcess[], host: number, internet: number) {
    this.#directory = directory;
    this.#children = children;
    this.onHost = into(host, "--net", "--mount");
    this.inside = into(internet, "--net");
  }

  /** Makes both, joined by a link, with a name server and a web server in the internet at {@link INTERNET}. */
  static async create({ names = {}, pages = {}, resolver = "" }: InternetOptions = {}): Promise<Internet> {
    const directory = mkdtempSync(join(tmpdir(), "internet-"));
    const file = join(directory, "resolv.conf");
    writeFileSync(file, `nameserver ${INTERNET}\n${resolver}`);
    const world = holder(["unshare", "--net"], "ip link set lo up");
    const internet = await ready(world);
    // Links that are the host's alone also in /sys, which bridges and veth do not need; /etc/resolv.conf is its own.
    const host = holder(
      ["unshare", "--net", "--mount"],
      `set -e; mount --bind ${file} "$(readlink -f /etc/resolv.conf)"
      echo 0 >/proc/sys/net/ipv4/ip_forward
      ip link set lo up
      ip link add uplink type veth peer name downlink netns ${internet}
      ip address add ${HOST}/24 dev uplink
      ip link set uplink addrgenmode none up
      nsenter --target=${internet} --net ip address add ${INTERNET}/24 dev downlink
      nsenter --target=${internet} --net ip link set downlink up
      ip route add default via ${INTERNET}`,
    );
    const pid = await ready(host);
    const server = await Internet.#serve(internet, { names, pages });
    return new Internet(directory, [host, world, server], pid, internet);
  }

  static async #serve(internet: number, what: Pick<InternetOptions, "names" | "pages">): Promise<ChildProcess> {
    const program = join(import.meta.dirname, "fixtures/internet-server.ts");
    const [enter = "", ...words] = into(internet, "--net");
    const child = spawn(enter, [...words, process.execPath, program, JSON.stringify(what)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await ready(child);
    return child;
  }

  /** What a shell script prints on the host; it must succeed. */
  hostSays(script: string): string {
    return says(this.onHost, script);
  }

  /** The host's network, word for word: links, addresses, routes, firewall, forwarding. */
  hostNetwork(): string {
    return this.hostSays(
      `ip -oneline link | sed 's/@.*//'; ip -oneline address; ip route show table all; ip rule; nft list ruleset;
      cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding`,
    );
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
      child.stdin?.end();
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function says([enter = "", ...words]: readonly string[], script: string): string {
  const { status, stdout, stderr } = spawnSync(enter, [...words, "sh", "-c", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
