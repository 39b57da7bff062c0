/** Has the worker make what a build needs, once for each of its processes and now and then. */
import { lastError } from "../../concourse/log.ts";
import { WORKER_SERVICE } from "../../concourse/services.ts";
import { TrialError } from "../../concourse/worker-api.ts";
import { errno } from "../../store/errors.ts";
import type { Task } from "../runner.ts";
import { within } from "../within.ts";
import type { TaskWorld } from "../world.ts";

const AGAIN_MS = 3_600_000;
/** A worker that does not listen yet. */
const STARTING_MS = 500;
const ANSWER_MS = 20_000;
/** Once is none: the web may have destroyed what it does not know in between. */
const ONCE_MORE_MS = 1_000;
const FAILED_MS = 10_000;
const FAILED_MOST_MS = 300_000;
/** Characters of a cause: a status is one line. */
const SHOWN = 60;

interface Needs {
  /** Another process is another worker. */
  readonly pid: number;
}

export function trialTask({ ports }: TaskWorld): Task<Needs> {
  return {
    name: "trial",
    rest: { trial: null },
    needs: ({ worker }, { services }) => {
      const pid = services[WORKER_SERVICE]?.mainPid ?? 0;
      return worker && pid > 0 ? { pid } : null;
    },
    begin: ({ pid }) => {
      let failures = 0;
      return async (io) => {
        try {
          await within(ports.clock, ANSWER_MS, io.signal, (signal) => ports.tryWorker(signal));
        } catch (error) {
          if (errno(error) === "ECONNREFUSED") return STARTING_MS;
          const failed = error instanceof TrialError ? error : noAnswer(error);
          failures += 1;
          if (failures === 1) return ONCE_MORE_MS;
          const why = (await cause()) ?? failed.said;
          io.report({ trial: { pid, problem: `${failed.message}: ${why.slice(0, SHOWN)}` } });
          return Math.min(FAILED_MS * 2 ** (failures - 2), FAILED_MOST_MS);
        }
        failures = 0;
        io.report({ trial: { pid, problem: null } });
        return AGAIN_MS;
      };
    },
  };

  /** Baggageclaim says that it failed; why, only its log does. */
  async function cause(): Promise<string | null> {
    const argv = ["journalctl", "--unit", WORKER_SERVICE, "--output", "cat", "--lines", "200", "--since", "-1min"];
    return lastError((await ports.exec.run(argv, { timeout: 10_000 })).stdout);
  }
}

function noAnswer(error: unknown): TrialError {
  return new TrialError("the worker does not answer", error instanceof Error ? error.message : String(error));
}
