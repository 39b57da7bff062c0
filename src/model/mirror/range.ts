/** `Range` and `If-Range` (RFC 9110 §14.2, §13.1.5): one byte range, which is all that a resumed download asks for. */

import type { MirrorFile } from "./files.ts";

/** Bytes `from` up to, not including, `to`. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The part asked for; null = the whole file; `"unsatisfiable"` = answer 416. */
export function requestedSpan(
  range: string | undefined,
  ifRange: string | undefined,
  file: MirrorFile,
): Span | null | "unsatisfiable" {
  if (range === undefined || (ifRange !== undefined && !stillTheSame(ifRange, file))) return null;
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  if (match === null || (match[1] === "" && match[2] === "")) return null;
  const [, first = "", last = ""] = match;
  if (first === "") {
    const length = Math.min(Number(last), file.size);
    return length === 0 ? "unsatisfiable" : { from: file.size - length, to: file.size };
  }
  const from = Number(first);
  const to = last === "" ? file.size : Math.min(Number(last) + 1, file.size);
  if (last !== "" && Number(last) < from) return null;
  return from >= file.size ? "unsatisfiable" : { from, to };
}

function stillTheSame(validator: string, file: MirrorFile): boolean {
  return validator.startsWith('"') || validator.startsWith("W/")
    ? validator === file.etag
    : Date.parse(validator) === Math.floor(file.modified.getTime() / 1000) * 1000;
}
