/** What hook commands and `juju-exec` of all units get for an answer. */

import { unitPaths } from "./agent-files.ts";
import { parseExecArguments } from "./exec-arguments.ts";
import type { Fleet } from "./fleet.ts";
import type { ExecCall, HookHandlers, HookReply, ToolCall } from "./hook-server.ts";
import type { LiveModel } from "./live-model.ts";

export class HookCalls implements HookHandlers {
  readonly #model: LiveModel;
  readonly #fleet: Fleet;

  constructor(model: LiveModel, fleet: Fleet) {
    this.#model = model;
    this.#fleet = fleet;
  }

  /** One command of a hook that runs now; others get the errors of Juju's client and server. */
  tool(call: ToolCall): HookReply {
    const unit = /^(.+?\/\d+)-/.exec(call.contextId)?.[1] ?? "";
    const agent = this.#fleet.agent(unit);
    const run = this.#model.state.run(call.contextId);
    if (agent === undefined || !agent.busy) {
      const reason = `dial unix ${unitPaths(unit).agentSocket}: connect: connection refused`;
      return { code: 1, stdout: "", stderr: `ERROR ${reason}\n` };
    }
    if (run === undefined) {
      return { code: 1, stdout: "", stderr: `ERROR bad request: wrong context ID; got "${call.contextId}"\n` };
    }
    const reply = run.tool(call, this.#model.now(), (path) => agent.readFile(path));
    if (run.reboot === "now") agent.kill(call.contextId);
    this.#model.maybeChanged();
    return reply;
  }

  async exec(call: ExecCall): Promise<HookReply> {
    const local = this.#fleet.unitsAt(call.peer);
    const refuse = (code: number, message: string): HookReply => ({ code, stdout: "", stderr: `ERROR ${message}\n` });
    if (call.contextId !== "") {
      return refuse(2, `juju-exec cannot be called from within a hook, have context "${call.contextId}"`);
    }
    let request;
    try {
      request = parseExecArguments(call.args, local);
    } catch (error) {
      return refuse(2, (error as Error).message);
    }
    if (!local.includes(request.unit)) return refuse(1, `unit "${request.unit}" not found on this machine`);
    if (request.commands === "-" && call.stdin === null) return { code: 0, stdout: "", stderr: "", needsStdin: true };
    try {
      return await this.#runCommand(
        request.unit,
        request.commands === "-" ? (call.stdin ?? "") : request.commands,
        request,
      );
    } catch (error) {
      return refuse(1, (error as Error).message);
    }
  }

  /** Waits its turn between the unit's hooks. */
  async #runCommand(
    unit: string,
    script: string,
    options: { readonly relationId?: number; readonly remoteUnit?: string },
  ): Promise<HookReply> {
    const { state } = this.#model;
    const { relationId, remoteUnit } = options;
    const context = {
      ...(relationId === undefined ? {} : { relationId }),
      ...(remoteUnit === undefined ? {} : { remoteUnit }),
    };
    const id = state.enqueueCommand(unit, script, context, this.#model.now());
    this.#model.changed();
    const task = await this.#model.until(() => {
      const current = state.task(id);
      return current.completed === null ? undefined : current;
    });
    const { results } = task;
    state.forgetTask(id);
    this.#model.changed();
    if (results["return-code"] === undefined) throw new Error(task.message);
    return {
      code: Number(results["return-code"]),
      stdout: String(results["stdout"] ?? ""),
      stderr: String(results["stderr"] ?? ""),
    };
  }
}
