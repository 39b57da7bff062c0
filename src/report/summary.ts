import type { Report } from "./types.ts";

const WIDTH = "not checked".length + 1;

/** The report for a terminal: one line a check, one a figure. */
export function summary({ checks, figures }: Report): string {
  const lines = [
    ...checks.map(({ name, holds, evidence }) => `${mark(holds, "FAILS", "not checked")}${name}: ${evidence}`),
    ...figures.map(({ name, value, limit, holds }) =>
      limit === ""
        ? `${" ".repeat(WIDTH)}${name}: ${value}`
        : `${mark(holds, "misses aim", "not seen")}${name}: ${value} (${limit})`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function mark(holds: boolean | null, failed: string, unknown: string): string {
  return (holds === null ? unknown : holds ? "holds" : failed).padEnd(WIDTH);
}
