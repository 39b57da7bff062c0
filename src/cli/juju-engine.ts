/** The scenario's engine for a real controller: `juju`, LXD or Incus on this host, and storage that attaches itself. */

import { chown, rm, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { hostPorts } from "../host/ports.ts";
import { startMirror, type Mirror } from "../model/mirror/mirror.ts";
import { modelsDirectory } from "../model/supervisor/paths.ts";
import type { Prepared, Served } from "../report/engine.ts";
import { databaseOf } from "../report/names.ts";
import type { Ports } from "../ports.ts";
import { APPLICATION, charmFile, MOUNT_POINT } from "./bring-up.ts";
import { describeHost } from "./describe-host.ts";
import type { ReleaseChoice } from "./release-source.ts";
import { limitationsOf, ownArchive, type OwnArchive, releaseText, VERSION, THROTTLE } from "./scenario-release.ts";
import type { World } from "./storage/attach.ts";
import { ClientError, output, read } from "./storage/clients.ts";
import { clientsHere } from "./storage/installer.ts";
import { prepareDirectory } from "./storage/directory.ts";
import { JujuClient, jujuWords, type Model } from "./storage/juju-client.ts";
import { watch } from "./storage/watch.ts";
import type { VerifyEngine } from "./verify-engine.ts";

/** The charm assumes it. */
const OLDEST = [3, 6] as const;
/** Milliseconds between two looks for units to attach the directory to. */
const LOOK_EVERY = 2000;
/** Milliseconds: destroying a model ends its machines one by one. */
const DESTROY = 15 * 60_000;

export interface JujuEngineOptions {
  readonly model: string;
  readonly release: ReleaseChoice;
  /** Archive to serve in place of the stand-in. */
  readonly releaseFile: string | undefined;
  /** Charm file of PostgreSQL; Charmhub's if undefined. */
  readonly postgresql?: string | undefined;
  /** Charm file; packed from this clone if undefined. */
  readonly charm: string | undefined;
  readonly ports?: Pick<Ports, "fs" | "exec" | "clock">;
}

export class JujuEngine implements VerifyEngine {
  /** An image is fetched for the first machine, and packages for the database. */
  readonly patience = 15 * 60_000;
  readonly words = jujuWords(process.env, process.getuid?.());
  readonly #options: JujuEngineOptions;
  readonly #ports: Pick<Ports, "fs" | "exec" | "clock">;
  readonly #juju: JujuClient;
  readonly #directory: string;
  readonly #stop = new AbortController();
  #attaching: Promise<void> = Promise.resolve();
  #archive = "";
  #mirror: Mirror | null = null;
  #made = false;

  constructor(options: JujuEngineOptions) {
    this.#options = options;
    this.#ports = options.ports ?? hostPorts;
    this.#juju = new JujuClient(this.#ports.exec, this.words);
    this.#directory = join(dirname(modelsDirectory()), "shared", options.model, "store");
  }

  async prepare(say: (line: string) => void): Promise<Prepared> {
    const { model: name } = this.#options;
    const own = this.#options.releaseFile === undefined ? null : ownArchive(this.#options.releaseFile);
    const version = own?.version ?? VERSION;
    const controller = await this.#controller();
    const charm = await this.#charm(say);
    const model = await this.#makeModel(say);
    const config = await this.#release(model, own, say);
    const mirrored = this.#mirror !== null;
    await prepareDirectory(this.#ports, this.#directory, ([first]) => first);
    const world: World = { ports: this.#ports, juju: this.#juju, say };
    const wanted = { application: APPLICATION, source: this.#directory, readOnly: false };
    this.#attaching = watch(world, { model, wanted, wait: 10 }, this.#stop.signal, LOOK_EVERY);
    return {
      model: name,
      charm,
      version,
      ...databaseOf(this.#options.postgresql),
      deployWords: Object.entries({ version, ...config }).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
      exposeWords: [],
      url: (address) => `http://${address}:8080`,
      hostDirectory: this.#directory,
      configuration: [
        ["Juju model", `${name} (${controller})`],
        ["Charm", `${basename(charm)} (local, revision 0)`],
        ["Shared storage", `${this.#directory} mounted to ${MOUNT_POINT} on all units, read-write`],
        ["Release", releaseText(own, mirrored)],
        ["Host", describeHost()],
      ],
      limitations: limitationsOf(own, mirrored),
    };
  }

  async served(): Promise<Served | null> {
    if (this.#mirror === null) return null;
    const { size } = await stat(this.#archive);
    return { archive: basename(this.#archive), size, requests: this.#mirror.requests() };
  }

  async leave(): Promise<string> {
    this.#stop.abort();
    await this.#attaching;
    await this.#mirror?.close();
    this.#mirror = null;
    return this.#made ? `juju ${this.#destroy.join(" ")}` : "";
  }

  async remove(): Promise<void> {
    await this.leave();
    if (this.#made) await this.#juju.call(this.#destroy, DESTROY);
    this.#made = false;
    await rm(dirname(this.#directory), { recursive: true, force: true });
  }

  get #destroy(): string[] {
    return ["destroy-model", this.#options.model, "--no-prompt", "--destroy-storage", "--force"];
  }

  /**
   * A snap reads of people's files only those of its user (snapd, interfaces/builtin/home.go: `owner @{HOME}/…`): what is
   * packed here as root goes to the person as whom `juju` runs.
   */
  async #charm(say: (line: string) => void): Promise<string> {
    const charm = await charmFile({ ...this.#options, say });
    const { SUDO_UID: uid, SUDO_GID: gid } = process.env;
    const packed = this.#options.charm === undefined;
    if (packed && this.words[0] === "sudo" && uid && gid) await chown(charm, Number(uid), Number(gid));
    return charm;
  }

  /** Name and version of the current controller. @throws UserError if client or controller is too old for the charm */
  async #controller(): Promise<string> {
    const client = (await this.#juju.call(["version"])).trim();
    refuseOld("the client", client);
    const text = await this.#juju.call(["show-controller", "--format", "json"]);
    const [found] = Object.entries(read(Controllers, text, "juju show-controller"));
    if (found === undefined) throw new UserError("there is no controller", "Make one with: juju bootstrap localhost");
    const [name, { details }] = found;
    const version = details["agent-version"] ?? client;
    refuseOld(`controller ${name}`, version);
    return `${name}, Juju ${version}, client ${client}`;
  }

  async #makeModel(say: (line: string) => void): Promise<Model> {
    const { model: name } = this.#options;
    say(`Making model "${name}"`);
    await this.#juju.call(["add-model", name, "--no-switch"]);
    this.#made = true;
    const model = await this.#juju.model(name);
    if (model.cloud === "lxd") return model;
    throw new UserError(
      `the controller's cloud is ${model.cloud}, and a directory of this host can be shared on LXD only`,
      "Make a controller on this host with: juju bootstrap localhost",
    );
  }

  /** Where the charm takes its release from: a mirror of ours that counts, or GitHub. */
  async #release(model: Model, own: OwnArchive | null, say: (line: string) => void): Promise<Record<string, string>> {
    if (own === null && this.#options.release === "github") return {};
    this.#archive = own?.path ?? (await standIn(say));
    const address = await this.#hostAddress(model);
    const releases = [this.#archive];
    this.#mirror = await startMirror({ address, port: 0, releases, throttle: THROTTLE });
    return { "release-mirror": this.#mirror.url };
  }

  /** This host's address on the bridge of the model's machines: that of the default profile (Juju 3.6, assignContainerNICs). */
  async #hostAddress({ project }: Model): Promise<string> {
    const problems: string[] = [];
    for (const client of clientsHere()) {
      try {
        const path = `local:/1.0/profiles/default?project=${project}`;
        const text = await output(this.#ports.exec, [client, "query", path]);
        const { devices } = read(Profile, text, `${client} query`);
        const nics = Object.values(devices).filter(({ type }) => type === "nic");
        const addresses = nics.flatMap((nic) => networkInterfaces()[nic["network"] ?? nic["parent"] ?? ""] ?? []);
        const found = addresses.find(({ family }) => family === "IPv4");
        if (found !== undefined) return found.address;
        problems.push(`${client}'s default profile has no bridge with an IPv4 address of this host`);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        problems.push(error.message);
      }
    }
    throw new UserError(problems.join("; "), "Run this on the host of the containers, or with: --release github");
  }
}

const Controllers = z.record(
  z.string(),
  z.object({ details: z.object({ "agent-version": z.string().optional() }).default({}) }),
);
const Profile = z.object({ devices: z.record(z.string(), z.record(z.string(), z.string())) });

function refuseOld(what: string, version: string): void {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new UserError(
    `${what} is Juju ${version}, and the charm needs ${OLDEST.join(".")} or later`,
    what === "the client"
      ? "Update it with: snap refresh juju --channel 3/stable"
      : "Use a newer controller: juju switch",
  );
}

async function standIn(say: (line: string) => void): Promise<string> {
  const { standInArchive } = await import("../../standin/archive.ts");
  say("Preparing the stand-in release (once, then it is cached)");
  return (await standInArchive({ version: VERSION })).path;
}
