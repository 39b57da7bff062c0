/** On the leader: does the web of another unit still answer? */
import { errno } from "../../store/errors.ts";
import { readInfo } from "../../concourse/api.ts";
import type { Orders } from "../contract.ts";
import type { Task } from "../runner.ts";
import { within } from "../within.ts";
import type { TaskWorld } from "../world.ts";

type Needs = NonNullable<Orders["probe"]>;

/** Silent: none of several probes over at least this long was answered. */
const SILENT_AFTER_MS = 60_000;
const SEVERAL = 4;
const PERIOD_MS = 5_000;
const ANSWER_MS = 5_000;

export function probeTask(world: TaskWorld): Task<Needs> {
  const { clock, http } = world.ports;
  return {
    name: "probe",
    rest: { probe: null },
    needs: ({ probe }) => probe,
    begin: ({ unit, url, installing = false }) => {
      let missed = 0;
      let since = 0;
      return async (io) => {
        // What was said of another web says nothing of this one.
        if (world.findings().probe?.unit !== unit) io.report({ probe: { unit, silent: false } });
        const asked = clock.steady();
        if (await answers(io.signal, url, installing)) {
          missed = 0;
          io.report({ probe: { unit, silent: false } });
        } else {
          if (missed === 0) since = asked;
          missed += 1;
          if (missed >= SEVERAL && clock.steady() - since >= SILENT_AFTER_MS)
            io.report({ probe: { unit, silent: true } });
        }
        return PERIOD_MS;
      };
    },
  };

  async function answers(outer: AbortSignal, url: string, installing: boolean): Promise<boolean> {
    try {
      await within(clock, ANSWER_MS, outer, (signal) => readInfo({ http, url, signal }));
      return true;
    } catch (error) {
      return installing && errno(error) === "ECONNREFUSED";
    }
  }
}
