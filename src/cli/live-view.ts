/** A picture on the terminal that is drawn over itself; in a pipe, one picture after the other. */

import { print } from "./session.ts";

export class LiveView {
  readonly #terminal = process.stdout.isTTY === true;
  #rows = 0;
  #last = "";

  show(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    if (!this.#terminal) return print(`${text}\n`);
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = fitting(text.trimEnd().split("\n"), rows - 1).map((line) => cut(line, columns));
    const up = this.#rows === 0 ? "" : `\u001b[${this.#rows}A`;
    print(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}\u001b[J`);
    this.#rows = lines.length;
  }

  /** Wipes the picture, so that what follows stands in its place. */
  clear(): void {
    if (this.#terminal && this.#rows > 0) print(`\u001b[${this.#rows}A\u001b[J`);
    this.#rows = 0;
    this.#last = "";
  }
}

/** What has scrolled off the terminal cannot be drawn over: of a picture that is too high, its first lines. */
export function fitting(lines: readonly string[], room: number): string[] {
  if (lines.length <= room) return [...lines];
  const shown = Math.max(0, room - 1);
  return [...lines.slice(0, shown), `… ${lines.length - shown} more lines: enlarge the window, or see: status`];
}

/** Cuts to what fits in a line of the terminal; colour codes take no room. */
function cut(line: string, width: number): string {
  let room = width;
  return line.replace(/\u001b\[[0-9;]*m|./gu, (piece) =>
    piece.length > 1 && piece.startsWith("\u001b") ? piece : room-- > 0 ? piece : "",
  );
}
