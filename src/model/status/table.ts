/**
 * Juju's tab layout (ansiterm tabwriter as cmd/output/output.go of Juju 3.6 sets it up): a column is as wide as its
 * longest terminated cell plus two spaces; the last cell of a line is not terminated, so it neither adds width nor gets
 * padding, and a line whose last cell is empty ends in the padding of the one before.
 */

export type Style = "bold" | "green" | "yellow" | "red" | "cyan" | "magenta" | "grey";

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export interface Table {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Indices of right-aligned columns. */
  readonly right?: readonly number[];
}

const PADDING = 2;
const CODES: Readonly<Record<Style, number>> = {
  bold: 1,
  green: 32,
  yellow: 33,
  red: 31,
  cyan: 36,
  magenta: 35,
  grey: 90,
};

function paint(cell: Cell, color: boolean): string {
  if (!color || cell.style === undefined || cell.text === "") return cell.text;
  return `\u001b[${CODES[cell.style]}m${cell.text}\u001b[0m`;
}

function widths(lines: readonly (readonly Cell[])[]): number[] {
  const columns = (lines[0]?.length ?? 1) - 1;
  return Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((line) => [...(line[column]?.text ?? "")].length)),
  );
}

/** Lines of a table without newlines. */
export function layOut(table: Table, color: boolean): string[] {
  const lines = [table.headers.map((text): Cell => ({ text, style: "bold" })), ...table.rows];
  const wide = widths(lines);
  const right = new Set(table.right);
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const width = wide[column];
        if (width === undefined) return paint(cell, color);
        const space = " ".repeat(width - [...cell.text].length);
        const text = paint(cell, color);
        return (right.has(column) ? space + text : text + space) + " ".repeat(PADDING);
      })
      .join(""),
  );
}
