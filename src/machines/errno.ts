/** The errno name of a system error (`ENOENT`), "" for anything else. */
export function code(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
