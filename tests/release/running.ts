/** A build that goes on until it is told to end, and counts aloud meanwhile: what it has lost is seen in its count. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { holds } from "./row.ts";
import { setPipeline, task } from "./rows/builds.ts";
import { until, type World } from "./world.ts";

const COUNT = `i=0; until [ -e made/stop ]; do i=$((i+1)); echo "tick $i"; sleep 1; done; echo "$i" >made/ticks; echo "ended at $i"`;

const config = (jobs: readonly string[]): object => ({
  jobs: jobs.map((name) => ({
    name,
    plan: [
      task("count", COUNT, { outputs: [{ name: "made" }] }),
      task("read", 'echo "read $(cat made/ticks)"', { inputs: [{ name: "made" }] }),
    ],
  })),
});

export class RunningBuilds {
  readonly #world: World;
  readonly #name: string;
  readonly #watchers: { readonly job: string; readonly child: ChildProcess; text: string }[] = [];

  private constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** So many builds of a pipeline of this name, each watched by a `fly` of its own. Resolves once all of them count. */
  static async start(world: World, name: string, count: number): Promise<RunningBuilds> {
    const builds = new RunningBuilds(world, name);
    const fly = await world.fly();
    const jobs = Array.from({ length: count }, (_, i) => `job-${i + 1}`);
    await setPipeline(world, fly, name, config(jobs));
    for (const job of jobs) {
      await fly.ok("trigger-job", "-j", `${name}/${job}`);
      const child = fly.start("watch", "-j", `${name}/${job}`, "-b", "1");
      const watcher = { job, child, text: "" };
      child.stdout?.setEncoding("utf8").on("data", (piece: string) => (watcher.text += piece));
      builds.#watchers.push(watcher);
    }
    for (const { job } of builds.#watchers)
      await until(`${name}/${job} counts`, 180, async () => builds.lastTick(job) >= 2);
    return builds;
  }

  /** The last that `fly watch` of this job has printed; 0 before the first. */
  lastTick(job = "job-1"): number {
    const { text = "" } = this.#watchers.find((watcher) => watcher.job === job) ?? {};
    return Number(/.*tick (\d+)/s.exec(text)?.[1] ?? 0);
  }

  /** Resolves once each of them counts on from here. */
  async countOn(limit = 120): Promise<void> {
    for (const { job } of this.#watchers) {
      const before = this.lastTick(job);
      await until(`${this.#name}/${job} counts on after ${before}`, limit, async () => this.lastTick(job) > before);
    }
  }

  /**
   * Tells all of them to end, which they must do well, and the next step must read what they wrote. How many ticks are
   * missing from all that was watched.
   */
  async end(): Promise<number> {
    const fly = await this.#world.fly();
    let missing = 0;
    for (const watcher of this.#watchers) {
      const at = ["-j", `${this.#name}/${watcher.job}`, "-b", "1", "-s", "count"];
      const closed = once(watcher.child, "close");
      await fly.ok("intercept", ...at, "--", "touch", "made/stop");
      const [code] = (await closed) as [number];
      const status = await fly.ok("builds", "-j", `${this.#name}/${watcher.job}`);
      holds(/\bsucceeded\b/.test(status), `${watcher.job}: ${status.trim()} (fly watch ended with ${code})`);
      const events = await fly.ok("watch", "-j", `${this.#name}/${watcher.job}`, "-b", "1");
      const end = Number(/ended at (\d+)/.exec(events)?.[1]);
      holds(events.includes(`read ${end}`), `the next step did not read what ${watcher.job} wrote`);
      const seen = new Set([...events.matchAll(/tick (\d+)/g)].map(([, tick]) => Number(tick)));
      missing += end - seen.size;
    }
    await fly.ok("destroy-pipeline", "--non-interactive", "-p", this.#name);
    return missing;
  }

  /** Whatever happened: nobody watches any more, and the builds are gone. */
  async discard(): Promise<void> {
    for (const { child } of this.#watchers) child.kill("SIGKILL");
    await (await this.#world.fly()).run("destroy-pipeline", "--non-interactive", "-p", this.#name);
  }
}

/** Runs with builds that count, and ends them: what `act` saw, and how much of their output was lost. */
export async function whileBuildsRun(
  world: World,
  name: string,
  count: number,
  act: (builds: RunningBuilds) => Promise<string>,
): Promise<string> {
  const builds = await RunningBuilds.start(world, name, count);
  try {
    const seen = await act(builds);
    await builds.countOn();
    const missing = await builds.end();
    return `${seen}; ${count} of ${count} builds succeeded, ${missing} ticks missing from their logs`;
  } finally {
    await builds.discard();
  }
}
