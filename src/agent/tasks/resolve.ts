/** Asks the sources which archive a version is. */
import { resolve } from "../../concourse/sources.ts";
import type { Orders, SourceOrders } from "../contract.ts";
import { knownProblem } from "../fault.ts";
import { unitResource } from "../resource.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

/** A question that still stands after its answer: the archive was another one, and the answer may be corrected. */
const AGAIN_MS = 5_000;
/** GitHub answers 60 questions an hour to those it does not know. */
const GITHUB_AGAIN_MS = 90_000;

interface Needs {
  readonly question: NonNullable<Orders["resolve"]>;
  readonly source: SourceOrders;
  readonly unit: string;
  /** An operator asks for it. */
  readonly request: string | null;
}

export function resolveTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "resolve",
    rest: { resolved: null },
    needs: ({ resolve: question, source, unit, request }) =>
      question === null ? null : { question, source, unit, request: request?.id ?? null },
    begin: ({ question, source, unit }) => {
      const resource = unitResource(world, unit);
      return async (io) => {
        let isLocal = source.mirrors.length > 0;
        const attached = async () => {
          const path = await resource();
          isLocal ||= path !== null;
          return path;
        };
        try {
          const target = await resolve(ports, source, question, attached);
          io.report({ resolved: { asked: question.version, target, problem: null } });
        } catch (error) {
          const problem = knownProblem(error);
          if (problem === null) throw error;
          io.report({ resolved: { asked: question.version, target: null, problem } });
          throw error;
        }
        return isLocal ? AGAIN_MS : GITHUB_AGAIN_MS;
      };
    },
  };
}
