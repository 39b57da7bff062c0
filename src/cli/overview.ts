import type { CommandEntry } from "./commands.ts";

/** Text of `concourse-machine --help`, made without loading any command. */
export function overview(commands: Readonly<Record<string, CommandEntry>>): string {
  const groups = Map.groupBy(Object.entries(commands), ([, entry]) => entry.group);
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const sections = [...groups].map(([group, entries]) => {
    const lines = entries.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`);
    return `\n${group}\n${lines.join("")}`;
  });
  return `Runs Juju machine charms on this one machine, without Juju.

Usage: concourse-machine COMMAND [ARGUMENTS] [-m MODEL]
${sections.join("")}
What a command takes: concourse-machine COMMAND --help
`;
}
