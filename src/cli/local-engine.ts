/** The scenario's engine for a local model: this very program, and what only it can tell. */

import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { currentModelFile, modelPaths } from "../model/supervisor/paths.ts";
import { readRecord } from "../model/supervisor/record.ts";
import { removeModel } from "../model/supervisor/remove.ts";
import type { MirrorRequest } from "../model/mirror/mirror.ts";
import type { Prepared, Served } from "../report/engine.ts";
import { databaseOf } from "../report/names.ts";
import { charmFile, MOUNT_POINT, sharedDirectory, WEB_PORT } from "./bring-up.ts";
import { createModel } from "./create-model.ts";
import { describeHost } from "./describe-host.ts";
import { firstFree } from "./host-ports.ts";
import { releaseSettings, releaseSource, type ReleaseChoice } from "./release-source.ts";
import { limitationsOf, ownArchive, releaseText, VERSION, THROTTLE } from "./scenario-release.ts";
import { askModel } from "./session.ts";
import type { VerifyEngine } from "./verify-engine.ts";

export interface LocalEngineOptions {
  readonly model: string;
  readonly machines: string;
  /** What machines boot: `remote:alias`; "" = their kind's own. */
  readonly image: string;
  /** Juju to play, as typed; "" for the usual one. */
  readonly agentVersion: string;
  readonly release: ReleaseChoice;
  /** Archive to serve in place of the stand-in. */
  readonly releaseFile: string | undefined;
  /** Charm file; packed from this clone if undefined. */
  readonly charm: string | undefined;
}

export class LocalEngine implements VerifyEngine {
  readonly patience = 120_000;
  readonly words = [process.execPath, join(import.meta.dirname, "main.ts")];
  readonly #options: LocalEngineOptions;
  /** The model that commands meant before we made ours. */
  #current: string | null = null;
  #mirrored = false;

  constructor(options: LocalEngineOptions) {
    this.#options = options;
  }

  async prepare(say: (line: string) => void): Promise<Prepared> {
    const { model, machines, image, release: choice } = this.#options;
    const own = this.#options.releaseFile === undefined ? null : ownArchive(this.#options.releaseFile);
    const version = own?.version ?? VERSION;
    const source = own ? null : await releaseSource({ release: choice, version, say, releaseFile: undefined });
    const charm = await charmFile({ ...this.#options, say });
    this.#current = existsSync(currentModelFile()) ? await readFile(currentModelFile(), "utf8") : null;
    say(`Making model "${model}"`);
    const { agentVersion } = this.#options;
    // What is verified needs nothing from outside that the model's proxy does not bring.
    await createModel(model, { machines, image, agentVersion, reach: "inside" });
    await this.#chooseAgain();
    const settings =
      source === null
        ? { "release-mirror": (await askModel<{ url: string }>(model, "serve-release", { release: own?.path })).url }
        : (await releaseSettings(model, source)).config;
    this.#mirrored = settings["release-mirror"] !== undefined;
    if (this.#mirrored) await askModel(model, "throttle", { bytesPerSecond: THROTTLE });
    const directory = await sharedDirectory({ model, sharedDirectory: undefined });
    const port = await firstFree(WEB_PORT);
    const url = `http://127.0.0.1:${port}`;
    const config = { version, "external-url": url, ...settings };
    return {
      model,
      charm,
      version,
      ...databaseOf(),
      deployWords: [
        ...Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
        "--disk",
        `concourse=${directory}:${MOUNT_POINT}`,
      ],
      exposeWords: ["--host-port", `${port}:${WEB_PORT}`],
      url: () => url,
      hostDirectory: directory,
      configuration: [
        ["Juju model", `${model} (local, ${machines})`],
        ["Charm", "concourse-ci-machine (local, revision 0)"],
        ["Shared storage", `${directory} mounted to ${MOUNT_POINT} on all units, read-write`],
        ["Release", releaseText(own, this.#mirrored)],
        ["Host", describeHost()],
      ],
      limitations: limitationsOf(own, this.#mirrored),
    };
  }

  async served(): Promise<Served | null> {
    if (!this.#mirrored) return null;
    const { model } = this.#options;
    const archive = readRecord(modelPaths(model)).mirror?.release ?? "";
    const requests = await askModel<MirrorRequest[]>(model, "mirror-requests", {});
    return { archive: basename(archive), size: (await stat(archive)).size, requests };
  }

  async remove(): Promise<void> {
    const paths = modelPaths(this.#options.model);
    if (existsSync(paths.root)) await removeModel(paths);
  }

  async leave(): Promise<string> {
    const { model } = this.#options;
    return existsSync(modelPaths(model).root) ? `concourse-machine down --yes -m ${model}` : "";
  }

  /** Our model is nobody's to work with: what commands without `-m` mean stays as it was. */
  async #chooseAgain(): Promise<void> {
    if (this.#current !== null) await writeFile(currentModelFile(), this.#current);
  }
}
