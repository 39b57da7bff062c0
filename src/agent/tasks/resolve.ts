/** Asks the sources which archive a version is. */
import { resolve } from "../../concourse/sources.ts";
import type { Orders, SourceOrders } from "../contract.ts";
import { Fault, knownProblem } from "../fault.ts";
import { unitResource } from "../resource.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

/** GitHub answers 60 questions an hour to those it does not know. */
const GITHUB_RETRY_MS = 90_000;

interface Needs {
  readonly question: NonNullable<Orders["resolve"]>;
  readonly source: SourceOrders;
  readonly unit: string;
}

export function resolveTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "resolve",
    rest: { resolved: null },
    needs: ({ resolve: question, source, unit }) => (question === null ? null : { question, source, unit }),
    begin: ({ question, source, unit }) => {
      const resource = unitResource(world, unit);
      return async (io) => {
        try {
          const { target } = await resolve(ports, source, question, resource);
          io.report({ resolved: { asked: question.version, target, problem: null } });
        } catch (error) {
          const problem = knownProblem(error);
          if (problem === null) throw error;
          io.report({ resolved: { asked: question.version, target: null, problem } });
          throw new Fault(problem, source.mirror === null ? GITHUB_RETRY_MS : null);
        }
        return null;
      };
    },
  };
}
