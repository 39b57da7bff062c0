/** The verbs of `juju` that attaching storage needs. */

import { UserError } from "../../errors.ts";
import type { Exec } from "../../ports.ts";
import { ClientError, output, read } from "./clients.ts";
import { ActionResults, ApplicationConfig, JujuStatus, ModelConfig, ShownModels } from "./documents.ts";

/** A model, and where LXD keeps its containers. */
export interface Model {
  /** As `-m` takes it. */
  readonly name: string;
  readonly uuid: string;
  /** Type of the cloud: `lxd`, `maas`, `manual`, … */
  readonly cloud: string;
  /** LXD project of its containers: the model's option `project` (internal/provider/lxd/config.go). */
  readonly project: string;
}

/** What a unit said to `storage-status`, or why it said nothing. */
export type Answer =
  | { readonly results: Readonly<Record<string, unknown>> }
  /** Why it was not asked; with `asked`, what became of the question. */
  | { readonly silence: string; readonly asked?: true };

/** Milliseconds on top of what `juju` itself waits. */
const MARGIN = 30_000;

/**
 * The words before a verb. A person's controllers are known to that person's account, also when they call us with sudo:
 * then `juju` runs as they.
 */
export function jujuWords(environment: NodeJS.ProcessEnv, uid: number | undefined): string[] {
  const { SUDO_USER: user = "root", JUJU_DATA: data } = environment;
  return uid === 0 && user !== "root" && data === undefined ? ["sudo", "-H", "-u", user, "--", "juju"] : ["juju"];
}

export class JujuClient {
  readonly #exec: Exec;
  readonly #words: readonly string[];

  constructor(exec: Exec, words: readonly string[] = jujuWords(process.env, process.getuid?.())) {
    this.#exec = exec;
    this.#words = words;
  }

  /** Standard output of a verb. @throws ClientError */
  async call(words: readonly string[], timeout?: number): Promise<string> {
    const options = { name: "juju", ...(timeout === undefined ? {} : { timeout }) };
    try {
      return await output(this.#exec, [...this.#words, ...words], options);
    } catch (error) {
      throw error instanceof ClientError ? this.#explained(error) : error;
    }
  }

  /** Root's own controllers are not those of the person who called sudo. */
  #explained(error: ClientError): ClientError {
    const [program, , , user] = this.#words;
    if (program !== "sudo" || !/no (?:selected )?controllers?/i.test(error.message)) return error;
    const next = `It ran as ${user}, who called sudo. If root knows the controller: JUJU_DATA=/root/.local/share/juju`;
    return new ClientError(error.message.replace(/\.$/, ""), error.said, { next });
  }

  /** @param name the model, undefined: the current one. @throws UserError if there is none, or it has no machines */
  async model(name: string | undefined): Promise<Model> {
    const words = ["show-model", ...(name === undefined ? [] : [name]), "--format", "json"];
    const [shown] = Object.values(read(ShownModels, await this.call(words), "juju show-model"));
    if (shown === undefined) throw new UserError("juju show-model showed no model", "Name one with -m");
    const { type = "" } = shown;
    if (shown["model-type"] === "caas")
      throw new UserError(`model ${shown.name} is on Kubernetes: it has no machines`, "Name another one with -m");
    const model = { name: name ?? shown.name, uuid: shown["model-uuid"], cloud: type };
    return { ...model, project: type === "lxd" ? await this.#project(model.name) : "default" };
  }

  async #project(model: string): Promise<string> {
    const text = await this.call(["model-config", "-m", model, "--format", "json"]);
    const { project } = read(ModelConfig, text, "juju model-config");
    return typeof project?.Value === "string" && project.Value !== "" ? project.Value : "default";
  }

  async status(model: string): Promise<JujuStatus> {
    return read(JujuStatus, await this.call(["status", "-m", model, "--format", "json"]), "juju status");
  }

  /** Values of an application's options. */
  async options(model: string, application: string): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.call(["config", "-m", model, application, "--format", "json"]);
    const { settings } = read(ApplicationConfig, text, "juju config");
    return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
  }

  /**
   * Action `storage-status` of one unit. One call a unit: of several, `juju run` prints nothing as soon as one of them is
   * late (cmd/juju/action/common.go, waitForTasks).
   * @param seconds how long the unit may take
   */
  async storageStatus(model: string, unit: string, seconds: number): Promise<Answer> {
    const words = ["run", "-m", model, unit, "storage-status", "--format", "json", "--wait", `${seconds}s`];
    try {
      return answerOf(unit, await this.call(words, seconds * 1000 + MARGIN));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      // An action that failed is an error too, but its results are printed.
      if (error.printed.trim() !== "") return answerOf(unit, error.printed);
      return /timed out/.test(error.said) ? late(seconds) : { silence: error.message };
    }
  }
}

/** @throws ClientError for what is no document of results */
function answerOf(unit: string, text: string): Answer {
  // Nothing is printed, and nothing fails, if the action could not be scheduled.
  if (text.trim() === "") return { silence: "storage-status could not be scheduled" };
  const answer = read(ActionResults, text, "juju run")[unit];
  if (answer?.status === "completed" && answer.results !== undefined) return { results: answer.results };
  return failed(answer?.status, answer?.message);
}

/** A unit that was asked, and did not answer in time. */
export function late(seconds: number): Answer {
  return { silence: `no answer within ${seconds} s`, asked: true };
}

/** A unit whose action came to another end than an answer. */
export function failed(status = "ended with nothing", message = ""): Answer {
  return { silence: `storage-status ${status}${message === "" ? "" : `: ${message}`}`, asked: true };
}
