/** Where `up` takes the Concourse release from, and what the charm is told about it. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { hostHttp } from "../host/http.ts";
import { networkProblem } from "../store/errors.ts";
import { archiveVersion } from "./scenario-release.ts";
import { askModel } from "./session.ts";

export type ReleaseChoice = "auto" | "github" | "stand-in";

export type ReleaseSource =
  /** `version`: of the archive, which does not tell it. */
  | { readonly kind: "file"; readonly path: string; readonly version: string }
  | { readonly kind: "github" }
  /** `archive`: the path once it is made. */
  | { readonly kind: "stand-in"; readonly archive: Promise<string> };

export interface SourceOptions {
  readonly release: ReleaseChoice | undefined;
  readonly releaseFile: string | undefined;
  /** "" = the newest. */
  readonly version: string | undefined;
  /** Told what is being done, one line each. */
  readonly say: (line: string) => void;
}

/** The page that tells the newest release; if it answers, the archives beside it do too. */
const GITHUB = "https://api.github.com/repos/concourse/concourse/releases/latest";
/** Milliseconds: a source that needs longer is not worth waiting for at the start of everything. */
const PATIENCE = 3000;

/**
 * Decides before anything is made, and begins to make the stand-in where that is the release.
 * @throws UserError if there is no such file, or GitHub is demanded and does not answer.
 */
export async function releaseSource(options: SourceOptions): Promise<ReleaseSource> {
  const { release = "auto", releaseFile, version = "", say } = options;
  if (releaseFile !== undefined) return fileSource(resolve(releaseFile), version);
  const trouble = release === "stand-in" ? "" : await troubleWithGitHub();
  if (trouble === null) return { kind: "github" };
  if (release === "github") throw new UserError(trouble, "Use: --release stand-in, or --release-file FILE");
  if (trouble !== "") say(`Taking the stand-in release, which runs no pipelines: ${trouble}`);
  say("Preparing the stand-in release (once, then it is cached)");
  const archive = standIn(version);
  // Whoever waits for it is told; until then it is nobody's.
  archive.catch(() => undefined);
  return { kind: "stand-in", archive };
}

async function standIn(version: string): Promise<string> {
  const { standInArchive } = await import("../../standin/archive.ts");
  return (await standInArchive(version === "" ? {} : { version })).path;
}

/** Null if GitHub answers. A used-up rate limit is an answer: units wait for its end, or for a token, and say so. */
async function troubleWithGitHub(): Promise<string | null> {
  try {
    const answer = await hostHttp.send({
      url: GITHUB,
      method: "HEAD",
      headers: { "user-agent": "concourse-machine" },
      connectTimeout: PATIENCE,
      idleTimeout: PATIENCE,
    });
    answer.cancel();
    const { status } = answer;
    return status === 200 || status === 403 || status === 429 ? null : `api.github.com answers ${status}`;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const { code: kind, message } = networkProblem(error, GITHUB);
    return kind === "server-certificate" ? message : `api.github.com cannot be reached (${code || String(error)})`;
  }
}

/** A resource does not tell what it holds: its version is the one asked for, or that of upstream's name for the archive. */
function fileSource(path: string, asked: string): ReleaseSource {
  if (!existsSync(path)) throw new UserError(`There is no file ${path}`, "Use: --release-file FILE");
  const version = asked || archiveVersion(path);
  if (!version) throw new UserError(`The name of ${path} does not tell its version`, "Use: --version VERSION");
  return { kind: "file", path, version };
}

export interface ReleaseSettings {
  readonly config: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, string>>;
}

/** What the charm is told about its source; starts the model's mirror for the stand-in, and its proxy for GitHub. */
export async function releaseSettings(model: string, source: ReleaseSource): Promise<ReleaseSettings> {
  switch (source.kind) {
    case "file":
      return { config: { version: source.version }, resources: { "concourse-release": source.path } };
    case "github": {
      const { proxy } = await askModel<{ proxy: string }>(model, "addresses", {});
      const values = { "juju-http-proxy": proxy, "juju-https-proxy": proxy };
      await askModel(model, "set-model-config", { values, reset: [] });
      return { config: {}, resources: {} };
    }
    case "stand-in": {
      const { url } = await askModel<{ url: string }>(model, "serve-release", { release: await source.archive });
      await askModel(model, "note", { text: STAND_IN_NOTE });
      return { config: { "release-mirror": url }, resources: {} };
    }
  }
}

/** Of the model, in `status`. */
export const STAND_IN_NOTE = "release: stand-in";
