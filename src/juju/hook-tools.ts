/**
 * Typed bindings of Juju's hook commands, those this charm uses. One method a command; reads always ask for JSON, since
 * the other formats fold, abbreviate or drop values (Juju 3.6, cmd v3 output.go; empty strings print nothing in "smart").
 */

/** Runs one command and resolves when it has ended, whatever its exit code. */
export type RunCommand = (argv: readonly string[], stdin?: string) => Promise<CommandResult>;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class HookCommandError extends Error {
  override readonly name = "HookCommandError";
  readonly argv: readonly string[];
  readonly code: number;
  readonly stderr: string;

  constructor(argv: readonly string[], code: number, stderr: string) {
    super(`${argv[0] ?? "?"}: ${stderr.replace(/^ERROR /, "").trim() || `exit status ${code}`}`);
    this.argv = argv;
    this.code = code;
    this.stderr = stderr;
  }

  /** Juju's messages come from deep in the controller; only fragments are stable. */
  says(fragment: string): boolean {
    return this.stderr.includes(fragment);
  }
}

export type StatusName = "maintenance" | "blocked" | "waiting" | "active";

export interface Status {
  readonly status: StatusName;
  readonly message: string;
}

export interface GoalState {
  readonly units: Goals;
  /** By endpoint: remote applications (names without a slash) and their units. */
  readonly relations?: Readonly<Record<string, Goals>>;
}

type Goals = Readonly<Record<string, { readonly status: string }>>;

export class HookTools {
  readonly #run: RunCommand;
  readonly #ended: string | null;

  /**
   * @param ended a relation that counts as gone although Juju lists it: see `HookEnvironment`
   */
  constructor(run: RunCommand, ended: string | null = null) {
    this.#run = run;
    this.#ended = ended;
  }

  async #text(argv: readonly string[], stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#run(argv, stdin);
    if (code !== 0) throw new HookCommandError(argv, code, stderr);
    return stdout;
  }

  async #json<T>(...argv: string[]): Promise<T> {
    return JSON.parse(await this.#text(argv)) as T;
  }

  /** Options that have a value; those without are absent. */
  config(): Promise<Record<string, string | number | boolean>> {
    return this.#json("config-get", "--format=json");
  }

  isLeader(): Promise<boolean> {
    return this.#json("is-leader", "--format=json");
  }

  /** Ids such as `peers:0`, of the relations that there are. */
  async relationIds(endpoint: string): Promise<string[]> {
    const listed = await this.#json<string[]>("relation-ids", "--format=json", endpoint);
    return listed.filter((id) => id !== this.#ended);
  }

  relationUnits(id: string): Promise<string[]> {
    return this.#json("relation-list", "--format=json", "-r", id);
  }

  relationApplication(id: string): Promise<string> {
    return this.#json("relation-list", "--format=json", "-r", id, "--app");
  }

  /** UUID of the model that the related application lives in. */
  async relationModel(id: string): Promise<string> {
    return (await this.#json<{ uuid: string }>("relation-model-get", "--format=json", "-r", id)).uuid;
  }

  unitBag(id: string, unit: string): Promise<Record<string, string>> {
    return this.#json("relation-get", "--format=json", "-r", id, "-", unit);
  }

  /**
   * Our own unit's bag, which is always there to be read. Null: the relation is gone. Of one that is removed by force the
   * controller knows nothing any more before the unit agent has noticed, and while a hook fails it does not look (Juju 3.6,
   * apiserver/facades/agent/uniter, getRelation; internal/worker/uniter/relation/resolver.go).
   */
  ownBag(id: string, unit: string): Promise<Record<string, string> | null> {
    return this.#absent(this.unitBag(id, unit));
  }

  /** Our application's bag, for its leader. Null: the relation is gone (see `ownBag`), or we do not lead any more. */
  ownApplicationBag(id: string, application: string): Promise<Record<string, string> | null> {
    return this.#absent(this.applicationBag(id, application));
  }

  applicationBag(id: string, application: string): Promise<Record<string, string>> {
    return this.#json("relation-get", "--format=json", "-r", id, "--app", "-", application);
  }

  /** An empty value deletes its key. The data goes by standard input: arguments would be trimmed, and seen by `ps`. */
  async setBag(id: string, bag: "unit" | "application", data: Readonly<Record<string, string>>): Promise<void> {
    const argv = ["relation-set", "-r", id, ...(bag === "application" ? ["--app"] : []), "--file", "-"];
    await this.#text(argv, JSON.stringify(data));
  }

  goalState(): Promise<GoalState> {
    return this.#json("goal-state", "--format=json");
  }

  async status(): Promise<{ status: string; message: string }> {
    const found = await this.#json<{ status: string; message?: string }>(
      "status-get",
      "--include-data",
      "--format=json",
    );
    return { status: found.status, message: found.message ?? "" };
  }

  async setStatus({ status, message }: Status): Promise<void> {
    await this.#text(["status-set", status, "--", message]);
  }

  async setVersion(version: string): Promise<void> {
    await this.#text(["application-version-set", "--", version]);
  }

  /** Such as `8080/tcp`. */
  openedPorts(): Promise<string[]> {
    return this.#json("opened-ports", "--format=json");
  }

  async openPort(port: string): Promise<void> {
    await this.#text(["open-port", port]);
  }

  async closePort(port: string): Promise<void> {
    await this.#text(["close-port", port]);
  }

  /**
   * The newest content of a secret; null where it is not there or not (yet) granted: both end by an event of their own.
   */
  async secret(reference: { uri: string } | { label: string }): Promise<Record<string, string> | null> {
    const which = "uri" in reference ? [reference.uri] : ["--label", reference.label];
    return this.#absent(this.#json("secret-get", ...which, "--refresh", "--format=json"));
  }

  /** Id of an own secret by its owner label, or null. */
  async ownSecretId(label: string): Promise<string | null> {
    const info = await this.#absent(
      this.#json<Record<string, unknown>>("secret-info-get", "--label", label, "--format=json"),
    );
    return Object.keys(info ?? {})[0] ?? null;
  }

  /** Adds an app-owned secret from a JSON file (Juju's agent reads it itself: nothing on a command line); returns its URI. */
  async addSecret(label: string, file: string): Promise<string> {
    return (await this.#text(["secret-add", "--label", label, "--owner", "application", "--file", file])).trim();
  }

  async #absent<T>(answer: Promise<T>): Promise<T | null> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof HookCommandError && (error.says("not found") || error.says("permission denied")))
        return null;
      throw error;
    }
  }

  /** What the action was called with, defaults included. */
  actionParameters(): Promise<Readonly<Record<string, unknown>>> {
    return this.#json("action-get", "--format=json");
  }

  /** A line that whoever waits for the action sees at once. */
  async actionLog(message: string): Promise<void> {
    await this.#text(["action-log", message]);
  }

  /** Keys may be dotted paths; values are strings. */
  async setResults(results: Readonly<Record<string, string>>): Promise<void> {
    const pairs = Object.entries(results).map(([key, value]) => `${key}=${value}`);
    if (pairs.length > 0) await this.#text(["action-set", ...pairs]);
  }

  async fail(message: string): Promise<void> {
    await this.#text(["action-fail", "--", message]);
  }

  async log(level: "DEBUG" | "INFO" | "WARNING" | "ERROR", message: string): Promise<void> {
    await this.#text(["juju-log", "--log-level", level, "--", message]);
  }
}
