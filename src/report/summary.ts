import type { Report } from "./types.ts";

/** The report for a terminal: one line a check, one a figure. */
export function summary({ checks, figures }: Report): string {
  const lines = [
    ...checks.map(({ name, holds, evidence }) => `${mark(holds)} ${name}: ${evidence}`),
    ...figures.map(({ name, value, limit, holds }) =>
      limit === "" ? `         ${name}: ${value}` : `${mark(holds)} ${name}: ${value} (${limit})`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function mark(holds: boolean | null): string {
  return holds === null ? "not seen" : holds ? "holds   " : "FAILS   ";
}
