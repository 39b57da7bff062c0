import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";

/** A file is there whole or not at all, and never readable by more than it should be, not even for a moment. */
export async function writeFile(
  path: string,
  content: string,
  mode: number,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const aside = `${path}.new`;
  await rm(aside, { force: true });
  const file = await open(
    aside,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    await file.chmod(mode);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
}
