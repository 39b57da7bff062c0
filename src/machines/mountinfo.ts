/** One line of /proc/<pid>/mountinfo (proc(5)). */
export interface Mount {
  readonly path: string;
  /** Options of this mount: `rw,nosuid,nodev`. */
  readonly options: string;
  readonly type: string;
  readonly source: string;
  /** Options of the file system behind it. */
  readonly superOptions: string;
}

/** Parses mountinfo; later lines lie over earlier ones with the same path. */
export function mounts(mountinfo: string): Mount[] {
  return mountinfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      // Optional fields end with a lone hyphen.
      const [type = "", source = "", superOptions = ""] = fields.slice(fields.indexOf("-", 6) + 1);
      return {
        path: unescape(fields[4] ?? ""),
        options: fields[5] ?? "",
        type,
        source: unescape(source),
        superOptions,
      };
    });
}

/** Space, tab, newline and backslash are written as octal numbers. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
