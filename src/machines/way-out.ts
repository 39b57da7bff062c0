import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { acceptForeign, retractForeign } from "./foreign-rules.ts";
import { keepForwarding, restoreForwarding, table as forwardingTable } from "./forwarding.ts";
import type { Reach } from "./machine.ts";
import { hostRoutes, inNetwork, overlaps, type Subnet } from "./routes.ts";
import { quote } from "./quote.ts";
import { run, stockPath } from "./run.ts";

/**
 * How a model's network is joined to the host's: by a pair of links, with addresses that nothing else on the host has. The
 * model's own namespace hides its machines behind its end of the pair, and the host hides that behind its own addresses, so
 * two models with the same addresses do not disturb each other, and nobody outside learns of a machine.
 *
 * On the host it takes the link, a table of nftables called after the model, IP forwarding, and where the host has a
 * firewall for what it forwards, two rules in there. All of it is named after the model and found by its name.
 */
export const links: Subnet = { address: "198.18.0.0", length: 15 };

/** The model's end of the pair, among the machines' bridge. */
export const outside = "outside";

const linkPrefix = "cm-";

/** The host's end of the pair. */
const linkOf = (model: string): string => `${linkPrefix}${model}`;

/** The model's table; also the comment of rules that lie in tables of others. */
const tableOf = (model: string): string => `${forwardingTable}-${model}`;

interface Pair {
  readonly host: string;
  readonly model: string;
}

/** Each pair has four addresses, of which the two in the middle are the ends. */
const pairLength = 30;

function pair(number: number): Pair {
  const at = (offset: number) => {
    const host = number * 4 + offset;
    return `198.${18 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
  };
  return { host: at(1), model: at(2) };
}

/** The first pair, from one that is the model's own on, that no route of the host leads to. */
export function freePair(model: string, routes: readonly Subnet[]): Pair {
  const pairs = 2 ** (pairLength - links.length);
  const first = createHash("sha256").update(model).digest().readUInt32BE(4);
  for (let tried = 0; tried < pairs; tried++) {
    const ends = pair((first + tried) % pairs);
    if (!routes.some((route) => overlaps(route, { address: ends.host, length: pairLength }))) return ends;
  }
  throw new Error(`every address of ${links.address}/${links.length} is in use on this host`);
}

/** Joins the model's network to the host's, or completes that. `networkFile` pins the model's. */
export async function makeWayOut(model: string, networkFile: string, reach: Exclude<Reach, "inside">): Promise<void> {
  await alone(async () => {
    const link = linkOf(model);
    const { host, model: end } = (await existingPair(link)) ?? freePair(model, await hostRoutes());
    const enter = `nsenter --net=${quote(networkFile)} --`;
    // No addresses of version 6: nothing is to be reached by them.
    const script = `set -e
      ip link show ${link} >/dev/null 2>&1 || ip link add ${link} type veth peer name ${outside} netns ${quote(networkFile)}
      ip link set ${link} addrgenmode none 2>/dev/null || true
      ip address replace ${host}/${pairLength} dev ${link}
      ip link set ${link} up
      ${enter} ip link set ${outside} addrgenmode none 2>/dev/null || true
      ${enter} ip address replace ${end}/${pairLength} dev ${outside}
      ${enter} ip link set ${outside} up
      ${enter} ip route replace default via ${host} dev ${outside}
      nft "$0"`;
    await run("sh", ["-c", script, hostRules(model, end, reach)]);
    await keepForwarding(linkPrefix);
    await acceptForeign(link, tableOf(model));
  });
}

/** What the host does with packets of the model. A port that it publishes is an address of its own too: before it is translated. */
function hostRules(model: string, end: string, reach: Reach): string {
  const link = linkOf(model);
  const table = tableOf(model);
  const own = reach === "host" ? "" : `iifname "${link}" fib daddr type local reject with icmp net-prohibited`;
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain arriving {
    type filter hook prerouting priority raw
    iifname "${link}" ip daddr ${links.address}/${links.length} reject with icmp net-prohibited
    ${own}
  }
  chain through {
    type filter hook forward priority mangle
    iifname "${link}" tcp flags syn tcp option maxseg size set rt mtu
  }
  chain leaving {
    type nat hook postrouting priority srcnat
    ip saddr ${end} masquerade
  }
}`;
}

/** Takes back all that {@link makeWayOut} did to the host. Idempotent. */
export async function removeWayOut(model: string): Promise<void> {
  await alone(async () => {
    const table = tableOf(model);
    await run("sh", ["-c", `ip link delete ${linkOf(model)} 2>/dev/null || true`]);
    await run("nft", [`add table ip ${table}; delete table ip ${table}`]);
    await retractForeign(linkOf(model), table);
    if ((await linksOfModels()).length === 0) await restoreForwarding();
  });
}

async function linksOfModels(): Promise<string[]> {
  const all = JSON.parse(await run("ip", ["-json", "link", "show", "type", "veth"])) as { readonly ifname?: string }[];
  return all.flatMap(({ ifname = "" }) => (ifname.startsWith(linkPrefix) ? [ifname] : []));
}

async function existingPair(link: string): Promise<Pair | null> {
  if (!(await linksOfModels()).includes(link)) return null;
  const text = await run("ip", ["-4", "-json", "address", "show", "dev", link]);
  const [found] = JSON.parse(text) as { readonly addr_info?: readonly { readonly local: string }[] }[];
  const host = found?.addr_info?.[0]?.local;
  if (host === undefined || !inNetwork(host, links)) return null;
  return { host, model: host.replace(/\d+$/, (last) => String(Number(last) + 1)) };
}

/** One process of this tool at a time changes the host's network. The lock ends with whoever holds it. */
async function alone(work: () => Promise<void>): Promise<void> {
  const holder = spawn("flock", ["/run", "sh", "-c", "echo; exec cat"], {
    env: { PATH: stockPath },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit");
  await once(createInterface({ input: holder.stdout }), "line");
  try {
    await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
