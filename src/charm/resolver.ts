import type { Resolver } from "./facts.ts";

/** @param text a resolv.conf (resolv.conf(5)) */
export function parseResolver(text: string): Resolver {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line));
  const nameservers = lines
    .flatMap((line) => /^nameserver\s+(\S+)$/.exec(line)?.[1] ?? [])
    .filter((server) => !server.startsWith("127.") && server !== "::1");
  return { nameservers, others: lines.filter((line) => !line.startsWith("nameserver")) };
}

/** The resolv.conf of builds: the machine's, or with the servers that an option names. */
export function resolverOfBuilds(servers: readonly string[], machine: Resolver): string {
  const named = servers.length > 0 ? servers : machine.nameservers;
  return [...named.map((server) => `nameserver ${server}`), ...machine.others].map((line) => `${line}\n`).join("");
}
