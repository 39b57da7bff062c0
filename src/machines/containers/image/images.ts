import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { UserError } from "../../../errors.ts";
import { run } from "../../run.ts";
import { DaemonError, project, type Daemon } from "../daemon.ts";
import type { Flavour } from "../flavour.ts";
import { builtImage, hostRecipe } from "./build.ts";
import { imageName } from "./recipe.ts";

/** The alias under which the daemon has the image that is wanted: `remote:alias` of its own, or "" for the unit image. */
export async function aliasOf(wanted: string): Promise<string> {
  if (wanted === "") return imageName(await hostRecipe());
  return `named-${createHash("sha256").update(wanted).digest("hex").slice(0, 12)}`;
}

export async function hasImage(daemon: Daemon, alias: string): Promise<boolean> {
  return (await daemon.find(`/1.0/images/aliases/${alias}`)) !== null;
}

/** Gives the daemon the image that is wanted. @throws UserError if it cannot be had. */
export async function provideImage(flavour: Flavour, daemon: Daemon, wanted: string): Promise<void> {
  const alias = await aliasOf(wanted);
  if (await hasImage(daemon, alias)) return;
  if (wanted === "") await importImage(daemon, await builtImage(await hostRecipe()), alias);
  else await copyImage(flavour, daemon, wanted, alias);
}

async function importImage(daemon: Daemon, file: string, alias: string): Promise<void> {
  const headers = { "Content-Type": "application/octet-stream" };
  const fingerprint = await daemon
    .change<{ fingerprint: string }>("POST", "/1.0/images", { file }, headers)
    .then((image) => image.fingerprint)
    .catch(async (error: unknown) => {
      // Imported by somebody who did not come to naming it.
      if (!(error instanceof DaemonError) || !/already exists/.test(error.message)) throw error;
      return (await run("sha256sum", [file])).slice(0, 64);
    });
  const named = daemon.change("POST", "/1.0/images/aliases", { json: { name: alias, target: fingerprint } });
  await named.catch((error: unknown) => {
    if (!(error instanceof DaemonError) || error.code !== 409) throw error;
  });
}

/** The client knows which servers its remotes are. */
async function copyImage(flavour: Flavour, daemon: Daemon, image: string, alias: string): Promise<void> {
  const words = ["image", "copy", image, "local:", `--alias=${alias}`, `--target-project=${project}`];
  const environment = { [flavour.variable]: dirname(daemon.socket), HOME: process.env["HOME"] ?? "/root" };
  await run(flavour.client, words, environment).catch((error: unknown) => {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    const cause = `${flavour.title} cannot fetch the image ${image} (${said
      .split("\n")
      .at(-1)
      ?.replace(/^Error: /, "")})`;
    throw new UserError(cause, `See what there is: ${flavour.client} image list ${image.replace(/:.*/, ":")}`);
  });
}
