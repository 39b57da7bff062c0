import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { absentPackages, available, indexes, install, purge, updateLists, wouldInstall, wouldPurge } from "../apt.ts";
import type { Step } from "../machine.ts";
import type { Flavour } from "./flavour.ts";
import { builder, hostRecipe } from "./image/build.ts";
import { note, prepared } from "./prepared.ts";
import { ranges, settleRanges } from "./ranges.ts";

/** What the tool itself calls. */
const tools = ["iproute2", "nftables", "util-linux"];

/** Packages to install: the daemon's where none answers, what builds the image where there is none. */
export async function absentOf(flavour: Flavour, daemon: boolean, image: boolean): Promise<string[]> {
  return absentPackages([...tools, ...(daemon ? flavour.packages : []), ...(image ? [builder] : [])]);
}

/** The step that installs them, from the host's own sources; all that apt brings with them is noted first. */
export function installing(flavour: Flavour, names: readonly string[]): Step {
  return {
    what: `Install with apt-get: ${names.join(" ")} (with what they need; from backports where the release has none)`,
    async run() {
      await updateLists();
      await bringWithinReach(flavour, names);
      const before = await ranges();
      await note(flavour, { packages: await wouldInstall(names) });
      await install(names);
      await settleRanges(before);
    },
  };
}

/** Adds the backports of the host's release as a source where its own sources lack something. */
async function bringWithinReach(flavour: Flavour, names: readonly string[]): Promise<void> {
  const lacking = async () => (await Promise.all(names.map(available))).includes(false);
  if (!(await lacking())) return;
  const source = `/etc/apt/sources.list.d/concourse-machine-${flavour.name}.list`;
  const line = await backportsSource((await hostRecipe()).suite, advice(flavour));
  await note(flavour, { source });
  await writeFile(source, line);
  await updateLists();
  if (await lacking()) throw new UserError(`apt finds no ${names.join(" ")}`, advice(flavour));
}

function advice({ name }: Flavour): string {
  return name === "lxd"
    ? "Install it with: snap install lxd"
    : "See: https://linuxcontainers.org/incus/docs/main/installing/";
}

/** On the mirror that serves the release itself. */
async function backportsSource(suite: string, next: string): Promise<string> {
  const own = (await indexes()).find(({ release, origin }) => release === suite && origin === "Debian");
  if (own === undefined)
    throw new UserError(`apt finds no such package, and no release of Debian whose backports may have it`, next);
  const signed = own.signedBy === "" ? "" : ` [signed-by=${own.signedBy}]`;
  return `deb${signed} ${own.repository} ${suite}-backports main\n`;
}

/** Takes back what was installed, but for what others need by now. */
export async function uninstalling(flavour: Flavour): Promise<Step[]> {
  const { packages, source } = await prepared(flavour);
  const steps: Step[] = [];
  if (packages.length > 0)
    steps.push({
      what: `Remove the packages that came with it: ${packages.join(" ")}`,
      run: () => removePackages(packages),
    });
  if (source !== "" && existsSync(source))
    steps.push({ what: `Remove apt's source ${source}`, run: () => rm(source, { force: true }) });
  return steps;
}

async function removePackages(packages: readonly string[]): Promise<void> {
  const absent = await absentPackages(packages);
  const present = packages.filter((name) => !absent.includes(name));
  const others = (await wouldPurge(present)).filter((name) => !present.includes(name));
  if (others.length > 0)
    throw new UserError(`${others.join(" ")} would go with them`, `Run yourself: apt-get purge ${present.join(" ")}`);
  if (present.length > 0) await purge(present);
}
