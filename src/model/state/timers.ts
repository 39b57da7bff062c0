/** What comes due by itself. */
import { secretDeadlines } from "./agent/secret-hooks.ts";
import type { Core, ModelData } from "./data.ts";
import { retriesHooks, updateStatusWait } from "./model-config.ts";
import { isPlayed } from "./rows.ts";

/** Counts the ticks of update-status; everything else is looked up when somebody asks for an operation. */
export function tickTimers(core: Core, now: number): void {
  for (const { agent } of Object.values(core.data.units)) {
    if (!agent.connected || agent.updateStatus === null || now < agent.updateStatus.due) continue;
    agent.updateStatus.ticks += 1;
    agent.updateStatus.due = now + updateStatusWait(core);
    core.changed();
  }
}

/**
 * The soonest moment after `since` at which something changes without anybody's doing; null = never. What was due before
 * that has been noticed, and waits for something else than time: a run that is under way, an agent that is away.
 */
export function nextDeadline(data: ModelData, since: number): number | null {
  const leases = Object.values(data.applications).map((application) => application.lease?.expires ?? null);
  const agents = Object.values(data.units).flatMap((unit) => {
    const { agent } = unit;
    if (!agent.connected || isPlayed(data, unit.application)) return [];
    const retry = agent.current?.step === "failed" && retriesHooks(data) ? (agent.retry?.at ?? null) : null;
    return [agent.updateStatus?.due ?? null, retry, agent.deployRetry, ...secretDeadlines(data, unit)];
  });
  const forced = [...Object.values(data.units), ...Object.values(data.relations)].map((row) => row.forced?.at ?? null);
  const times = [...leases, ...forced, ...agents].filter((time) => time !== null).filter((time) => time > since);
  return times.length === 0 ? null : Math.min(...times);
}
