/** Threads that run seeds, as many as there are processors. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Answer, Job } from "./worker.ts";

export interface Pool {
  /** Gives a job to the next free thread. Rejects if the thread fails. */
  readonly run: (job: Job) => Promise<Answer>;
  readonly size: number;
  readonly close: () => Promise<void>;
}

export function openPool(size = availableParallelism()): Pool {
  const workers = Array.from({ length: size }, () => new Worker(new URL("./worker.ts", import.meta.url)));
  const free = [...workers];
  const waiting: ((worker: Worker) => void)[] = [];
  const take = (): Promise<Worker> => {
    const worker = free.pop();
    return worker === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(worker);
  };
  const give = (worker: Worker): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(worker);
    else next(worker);
  };
  return {
    size,
    run: async (job) => {
      const worker = await take();
      try {
        return await new Promise<Answer>((resolve, reject) => {
          worker.once("message", resolve).once("error", reject);
          worker.postMessage(job);
        });
      } finally {
        worker.removeAllListeners("error");
        give(worker);
      }
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
