/** One JSON value in a databag, with a schema number, checked before anything is believed. */

export type Fields = Readonly<Record<string, unknown>>;
export type Check = (value: unknown) => boolean;

const SCHEMA = 1;

export const write = (value: object): string => JSON.stringify({ schema: SCHEMA, ...value });

/** Null for whatever is not of this shape: garbage counts as silence. */
export function parse<T>(text: string | undefined, is: Check): T | null {
  if (text === undefined) return null;
  try {
    const { schema, ...value } = JSON.parse(text) as Fields;
    return schema === SCHEMA && is(value) ? (value as T) : null;
  } catch {
    return null;
  }
}

export const aString: Check = (value) => typeof value === "string";
export const aBoolean: Check = (value) => typeof value === "boolean";
export const aCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const aDigest: Check = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
export const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
export const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
/** A field that the other side's charm may be too old to write. */
export const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
export const listOf =
  (check: Check, longest = Number.POSITIVE_INFINITY): Check =>
  (value) =>
    Array.isArray(value) && value.length <= longest && value.every(check);
export const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(fields).every(([key, check]) => check((value as Fields)[key]));

/** A release everybody goes by: its fields become part of paths and URLs, so nothing but what they are. */
export const aTarget = shape({
  version: (value) => typeof value === "string" && /^\d+\.\d+\.\d+$/.test(value),
  arch: oneOf("amd64", "arm64"),
  sha256: aDigest,
  manifestSha256: nullOr(aDigest),
});

/** Name of a release directory, such as `7.14.3-linux-amd64-1a2b3c4d5e6f`. */
export const aReleaseName: Check = (value) =>
  typeof value === "string" && /^[0-9A-Za-z][0-9A-Za-z.-]{0,80}$/.test(value);

/** A worker's name in Concourse. */
export const aWorkerName: Check = (value) => typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,119}$/.test(value);

/** An application's name on a store, `<short model uuid>-<app>`: it becomes part of a file's name. */
export const anApplicationName: Check = (value) =>
  typeof value === "string" && /^[0-9a-f]{8}-[a-z][a-z0-9-]{0,229}$/.test(value);

/** Releases that somebody else has to lease: a unit runs one and moves to another, so a long list is no honest one. */
export const aLease = nullOr(listOf(aReleaseName, 8));
