import type { Target } from "../agent/contract.ts";
import type { Dir, File, Ports } from "../ports.ts";
import { orNull, parseJson, readSmall, removeTree } from "./files.ts";
import { HOLDER, isSha256, partialDigest, partialName } from "./layout.ts";
import { type Owner, replaceInStore } from "./temporary.ts";

/** `partial/holder.json`: who downloads what. It tells people, and whoever resumes after a crash. */
export interface Holder {
  readonly schema: 1;
  readonly member: string;
  readonly version: string;
  readonly sha256: string;
  /** Name of the partial download; null for an archive that is not downloaded. */
  readonly partial: string | null;
  readonly url: string | null;
  /** What `If-Range` takes: the server's strong ETag or its date. */
  readonly validator: string | null;
  readonly total: number | null;
}

export interface Partial {
  readonly name: string;
  /** The name it had before; null if it is new. */
  readonly from: string | null;
  readonly file: File;
  readonly size: number;
}

/**
 * The partial download to go on with: the longest one of this digest under a name of our own from now on, or a new
 * empty one. Renaming takes it over at once and from one unit only. Should its former writer still live (the lock may
 * exclude nobody), both write the same bytes to the same places; whatever comes of it is found out by the digest.
 */
export async function takePartial(
  ports: Pick<Ports, "random">,
  directory: Dir,
  sha256: string,
  member: string,
): Promise<Partial> {
  const name = partialName(sha256, member, ports.random.uuid());
  for (const { name: from } of await candidates(directory, sha256)) {
    const partial = await adopt(directory, from, name);
    if (partial !== null) {
      return partial;
    }
  }
  return { name, from: null, file: await directory.createFile(name, 0o600), size: 0 };
}

/** Opened before it is renamed: under its new name it can be taken from us as we take it here. */
async function adopt(directory: Dir, from: string, name: string): Promise<Partial | null> {
  const file = await orNull("ENOENT", directory.openFile(from, "write"));
  if (file === null) {
    return null;
  }
  try {
    if (
      (await orNull(
        "ENOENT",
        directory.rename(from, directory, name).then(() => true),
      )) !== null
    ) {
      return { name, from, file, size: (await file.stat()).size };
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return null;
}

/** Longest first. What is no regular file is no partial download. */
async function candidates(directory: Dir, sha256: string): Promise<{ readonly name: string; readonly size: number }[]> {
  const found = [];
  for (const name of await directory.list()) {
    const stat = partialDigest(name) === sha256 ? await orNull("ENOENT", directory.lstat(name)) : null;
    if (stat?.kind === "file") {
      found.push({ name, size: stat.size });
    }
  }
  return found.toSorted((a, b) => b.size - a.size);
}

/** Once the release is published nobody needs any of these. */
export async function removePartials(directory: Dir, sha256: string): Promise<void> {
  for (const { name } of await candidates(directory, sha256)) {
    await removeTree(directory, name);
  }
  if (parseHolder(await readSmall(directory, HOLDER))?.sha256 === sha256) {
    await removeTree(directory, HOLDER);
  }
}

/** Null if nobody says so, or what is said cannot be understood. */
export async function readHolder(directory: Dir): Promise<Holder | null> {
  return parseHolder(await readSmall(directory, HOLDER).catch(() => null));
}

function parseHolder(text: string | null): Holder | null {
  const value = text === null ? null : parseJson(text);
  return isHolder(value) ? value : null;
}

export async function writeHolder(
  ports: Pick<Ports, "random">,
  owner: Owner,
  directory: Dir,
  holder: Holder,
): Promise<void> {
  await replaceInStore(ports, owner, directory, HOLDER, `${JSON.stringify(holder, null, 1)}\n`);
}

export function holderOf(target: Target, member: string): Holder {
  const { version, sha256 } = target;
  return { schema: 1, member, version, sha256, partial: null, url: null, validator: null, total: null };
}

function isHolder(value: unknown): value is Holder {
  const holder = value as Holder | null;
  const textOrNull = (field: unknown) => field === null || typeof field === "string";
  return (
    typeof holder === "object" &&
    holder?.schema === 1 &&
    typeof holder.member === "string" &&
    typeof holder.version === "string" &&
    typeof holder.sha256 === "string" &&
    isSha256(holder.sha256) &&
    textOrNull(holder.partial) &&
    textOrNull(holder.url) &&
    textOrNull(holder.validator) &&
    (holder.total === null || Number.isSafeInteger(holder.total))
  );
}
