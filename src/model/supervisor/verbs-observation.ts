/** Looking at a model. */

import { z } from "zod";
import { formatEntry, matchesEntity, type LogEntry } from "./debug-log.ts";
import type { Supervisor } from "./supervisor.ts";
import { verb, type VerbContext } from "./verb.ts";

/** Milliseconds between two pictures sent to a watcher. */
const PICTURE_EVERY = 100;

/** Sends the status now and after changes until the caller hangs up. */
async function follow({ supervisor, send, signal }: VerbContext): Promise<void> {
  let pending: NodeJS.Timeout | undefined;
  const show = (): void => {
    pending = undefined;
    send(supervisor.status());
  };
  show();
  const end = supervisor.model.onChange(() => (pending ??= setTimeout(show, PICTURE_EVERY)));
  await untilAborted(signal);
  clearTimeout(pending);
  end();
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;

const LogParams = z.object({
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  level: z.enum(LEVELS),
  /** Lines of history; null = all. */
  lines: z.int().min(0).nullable(),
  /** Stop after this many lines; null = no limit. */
  limit: z.int().min(1).nullable(),
  follow: z.boolean(),
});

function wanted(entry: LogEntry, params: z.output<typeof LogParams>): boolean {
  if (LEVELS.indexOf(entry.level) < LEVELS.indexOf(params.level)) return false;
  if (params.exclude.length > 0 && matchesEntity(entry, params.exclude)) return false;
  return matchesEntity(entry, params.include);
}

async function history(supervisor: Supervisor, params: z.output<typeof LogParams>): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of supervisor.model.log.history()) {
    if (!wanted(entry, params)) continue;
    entries.push(entry);
    if (params.lines !== null && entries.length > params.lines) entries.shift();
  }
  return entries;
}

async function showLog({ supervisor, send, signal }: VerbContext, params: z.output<typeof LogParams>): Promise<void> {
  const enough = new AbortController();
  let sent = 0;
  const show = (entry: LogEntry): void => {
    if (enough.signal.aborted || !wanted(entry, params)) return;
    send(formatEntry(entry));
    if (++sent === params.limit) enough.abort();
  };
  // What is written while history is read waits, so that nothing is lost or doubled.
  const fresh: LogEntry[] = [];
  let live = (entry: LogEntry): void => void fresh.push(entry);
  const end = params.follow ? supervisor.model.log.follow((entry) => live(entry)) : () => {};
  const old = await history(supervisor, params);
  const last = old.at(-1);
  for (const entry of old) show(entry);
  for (const entry of fresh) if (last === undefined || !isSame(entry, last)) show(entry);
  live = show;
  if (params.follow) await untilAborted(AbortSignal.any([signal, enough.signal]));
  end();
}

function isSame(left: LogEntry, right: LogEntry): boolean {
  return left.time === right.time && left.entity === right.entity && left.message === right.message;
}

export const observationVerbs = {
  ping: verb(z.object({}), () => ({ pid: process.pid })),

  status: verb(z.object({}), ({ supervisor }) => supervisor.status()),

  follow: verb(z.object({}), (context) => follow(context)),

  log: verb(LogParams, (context, params) => showLog(context, params)),

  opened: verb(z.object({ application: z.string() }), ({ supervisor }, { application }) =>
    supervisor.exposure.opened(application),
  ),

  addresses: verb(z.object({}), ({ supervisor }) => ({
    network: supervisor.model.network,
    proxy: supervisor.proxyUrl,
    mirror: supervisor.mirror?.url ?? null,
  })),
};
