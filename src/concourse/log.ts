/**
 * What Concourse's programs say of what went wrong: lines of JSON (code.cloudfoundry.org/lager) while they run, and a line or
 * a trace of their parts as they end (tedsuo/ifrit, grouper/exit_trace.go).
 */

/** The cause of the last failure that a log has; null if it has none. */
export function lastError(log: string): string | null {
  const errors = log.split("\n").flatMap((line) => {
    const { level, data } = jsonObject(line) as { level?: unknown; data?: { error?: unknown } };
    return level === "error" && typeof data?.error === "string" ? [data.error] : [];
  });
  return errors.at(-1) ?? null;
}

/** Why the process ended whose log this is; null if it does not say. */
export function causeOfEnd(log: string): string | null {
  const words = [...log.matchAll(/(?:^error: |exited with error: )(?!Exit trace)(.+)$/gm)];
  return words.at(-1)?.[1] ?? lastError(log);
}

/** A JSON object, empty if the text is something else. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
