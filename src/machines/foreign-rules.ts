import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { table as ours } from "./forwarding.ts";
import { run } from "./run.ts";

/**
 * Firewalls of the host (Docker, ufw, firewalld) refuse what they do not know, and no table of ours can overrule theirs: a
 * packet has to pass all of them. So each gets two rules at its top: the link's packets leave, and their answers return.
 */
interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
}

/** nft's JSON: what is listed, one thing an element (libnftables-json(5)). */
interface Listed {
  readonly chain?: Chain;
  readonly rule?: Chain & { readonly chain: string; readonly handle: number; readonly comment?: string };
}

async function listed(...words: string[]): Promise<Listed[]> {
  const text = await run("nft", ["--json", "--handle", "list", ...words]);
  return (JSON.parse(text) as { readonly nftables: Listed[] }).nftables;
}

/** Chains of others that see what the host forwards. */
async function forwardChains(): Promise<Chain[]> {
  return (await listed("chains")).flatMap(({ chain }) =>
    chain?.hook === "forward" && ["ip", "inet"].includes(chain.family) && !chain.table.startsWith(ours) ? [chain] : [],
  );
}

/** Has them let the link through. `mark` is the comment by which the rules are found again. */
export async function acceptForeign(link: string, mark: string): Promise<void> {
  const there = await marked(mark);
  for (const { family, table, name } of await forwardChains()) {
    if (there.some((rule) => rule.family === family && rule.table === table && rule.chain === name)) continue;
    const to = `insert rule ${family} ${table} ${name}`;
    await run("nft", [
      `${to} iifname "${link}" accept comment "${mark}"
      ${to} oifname "${link}" ct state established,related accept comment "${mark}"`,
    ]);
  }
  if (!(await hasLegacy())) return;
  for (const rule of legacyRules(link, mark))
    await run("sh", [
      "-c",
      'iptables-legacy -w -C FORWARD "$@" 2>/dev/null || iptables-legacy -w -I FORWARD "$@"',
      "sh",
      ...rule,
    ]);
}

/** Takes the rules out again. */
export async function retractForeign(link: string, mark: string): Promise<void> {
  const rules = await marked(mark);
  if (rules.length > 0)
    await run("nft", [
      rules
        .map(({ family, table, chain, handle }) => `delete rule ${family} ${table} ${chain} handle ${handle}`)
        .join("\n"),
    ]);
  if (!(await hasLegacy())) return;
  for (const rule of legacyRules(link, mark))
    await run("sh", ["-c", 'while iptables-legacy -w -D FORWARD "$@" 2>/dev/null; do :; done', "sh", ...rule]);
}

async function marked(mark: string) {
  return (await listed("ruleset")).flatMap(({ rule }) => (rule?.comment === mark ? [rule] : []));
}

/** The older iptables of the kernel, which nft does not see: only where somebody uses it. */
async function hasLegacy(): Promise<boolean> {
  const tables = await readFile("/proc/self/net/ip_tables_names", "utf8").catch(() => "");
  return /^filter$/m.test(tables) && existsSync("/usr/sbin/iptables-legacy");
}

function legacyRules(link: string, mark: string): string[][] {
  const comment = ["-m", "comment", "--comment", mark];
  return [
    ["-i", link, ...comment, "-j", "ACCEPT"],
    ["-o", link, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", ...comment, "-j", "ACCEPT"],
  ];
}
