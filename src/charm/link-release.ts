import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CURRENT_RELEASE } from "../concourse/services.ts";
import { hostFs } from "../host/fs.ts";
import { whyNotYet } from "../store/adopt.ts";
import { replaceLink, using } from "../store/files.ts";
import { STORE_PATH } from "./orders.ts";
import { NotYet } from "./plan.ts";

/** Looks at the release once more, under the lease, then lets the link jump: a reader finds the old one or the new one. */
export async function linkRelease(name: string, manifestSha256: string, member: string): Promise<void> {
  // What the agent has told may be of an earlier life of its, or overtaken by whoever writes for it: the store itself counts.
  const late = await whyNotYet({ fs: hostFs }, STORE_PATH, member, name);
  if (late !== null) throw new NotYet(late);
  const release = join(STORE_PATH, "releases", name);
  const manifest = await readFile(join(release, "manifest.json")).catch(() => "");
  // Damaged since the agent looked: it looks again, and a hook that fails would keep the leader from doing anything about it.
  if (createHash("sha256").update(manifest).digest("hex") !== manifestSha256)
    throw new NotYet(`${release} is not the release that was agreed on`);
  const link = basename(CURRENT_RELEASE);
  await using(await hostFs.openDirectory(dirname(CURRENT_RELEASE)), (above) =>
    replaceLink(above, link, release, `${link}.new`),
  );
}
