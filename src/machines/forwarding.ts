import { readFile, writeFile } from "node:fs/promises";
import { run } from "./run.ts";

const file = "/proc/sys/net/ipv4/ip_forward";

/**
 * How names of our tables of nftables begin. This one's existence says that it was us who turned forwarding on, so that we turn it off again; like that, it ends with a reboot.
 * It keeps the host from becoming a router for others: between links that were there before, nothing is forwarded still.
 */
export const table = "concourse-machine";

/** Has the host forward packets. `prefix`: how names of our own links begin. */
export async function keepForwarding(prefix: string): Promise<void> {
  if ((await readFile(file, "utf8")).trim() !== "0") return;
  const all = JSON.parse(await run("ip", ["-json", "link"])) as { readonly ifname?: string }[];
  const others = all.flatMap(({ ifname = "" }) => (ifname.startsWith(prefix) ? [] : [`"${ifname}"`])).join(", ");
  await run("nft", [
    `add table ip ${table}
    delete table ip ${table}
    table ip ${table} {
      chain through {
        type filter hook forward priority filter
        iifname { ${others} } oifname { ${others} } drop
      }
    }`,
  ]);
  await writeFile(file, "1");
}

/** As it was before the first model, unless something else needs it by now: what translates addresses forwards them too. */
export async function restoreForwarding(): Promise<void> {
  const ruleset = await run("nft", ["--stateless", "list", "ruleset"]);
  if (!new RegExp(`^table ip ${table} {$`, "m").test(ruleset)) return;
  await run("nft", [`delete table ip ${table}`]);
  const legacy = await readFile("/proc/self/net/ip_tables_names", "utf8").catch(() => "");
  if (!/\b(masquerade|snat)\b/i.test(ruleset) && !/^nat$/m.test(legacy)) await writeFile(file, "0");
}
