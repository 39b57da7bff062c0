import { existsSync } from "node:fs";
import { UserError } from "../errors.ts";
import { run } from "./run.ts";

/** One index of packages that this host's apt uses (apt-get(8), indextargets). */
export interface AptIndex {
  readonly repository: string;
  /** `bookworm`, `bookworm-updates`: as the source names it. */
  readonly release: string;
  readonly component: string;
  /** `Debian`, `Ubuntu`, `Debian Backports`: as its signed file says. */
  readonly origin: string;
  /** A file of keys, or "" for the host's common ones. */
  readonly signedBy: string;
}

const quietly = { DEBIAN_FRONTEND: "noninteractive" };

/** @throws UserError where there is no apt. */
function requireApt(): void {
  if (existsSync("/usr/bin/apt-get")) return;
  throw new UserError("This host has no apt-get", "Install what is missing with its own package manager");
}

export function parseIndexes(text: string): AptIndex[] {
  return text
    .split("\n\n")
    .filter((stanza) => stanza.trim() !== "")
    .map((stanza) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
      return {
        repository: field("Repo-URI"),
        release: field("Release"),
        component: field("Component"),
        origin: field("Origin"),
        signedBy: field("Signed-By"),
      };
    });
}

export async function indexes(): Promise<AptIndex[]> {
  requireApt();
  return parseIndexes(await run("apt-get", ["indextargets", "Created-By: Packages"]));
}

/** Fetches the lists of packages anew. */
export async function updateLists(): Promise<void> {
  requireApt();
  await run("apt-get", ["-qq", "update"], quietly);
}

/** Those of these packages that are not installed. */
export async function absentPackages(names: readonly string[]): Promise<string[]> {
  if (!existsSync("/usr/bin/dpkg-query")) return [...names];
  const text = await run("dpkg-query", ["--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
  const installed = new Set(text.split("\n").map((line) => /^(\S+) installed$/.exec(line)?.[1]));
  return names.filter((name) => !installed.has(name));
}

/** Whether apt knows a version of the package that it could install. */
export async function available(name: string): Promise<boolean> {
  requireApt();
  return /^ {2}Candidate: (?!\(none\))/m.test(await run("apt-cache", ["policy", name]));
}

const minimal = ["--yes", "--no-install-recommends"];

/** All packages that would come with these, by apt's own reckoning; those that are there in another version are not new. */
export async function wouldInstall(names: readonly string[]): Promise<string[]> {
  return newOnes(await run("apt-get", [...minimal, "--simulate", "install", ...names]));
}

/** @param text what `apt-get --simulate install` prints: the version that is there stands in brackets */
export function newOnes(text: string): string[] {
  return [...text.matchAll(/^Inst (\S+) \(/gm)].map(([, name = ""]) => name);
}

export async function install(names: readonly string[]): Promise<void> {
  await run("apt-get", ["-qq", ...minimal, "install", ...names], quietly);
}

/** All packages that would go with these. */
export async function wouldPurge(names: readonly string[]): Promise<string[]> {
  return named(await run("apt-get", ["--yes", "--simulate", "purge", ...names]), "(?:Purg|Remv)");
}

export async function purge(names: readonly string[]): Promise<void> {
  await run("apt-get", ["-qq", "--yes", "purge", ...names], quietly);
}

function named(text: string, verb: string): string[] {
  return [...text.matchAll(new RegExp(`^${verb} (\\S+)`, "gm"))].map(([, name = ""]) => name);
}
