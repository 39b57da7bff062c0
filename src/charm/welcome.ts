import { FILES } from "../concourse/settings.ts";
import { fingerprint } from "../concourse/ssh-keys.ts";
import type { Welcome } from "../relations/peers.ts";
import type { Facts } from "./facts.ts";
import { webAnswers } from "./ready.ts";
import type { KnownWorker } from "./worker-keys.ts";

/**
 * What this unit's web tells these workers: about them, and about nobody else, so that news of one relation wakes nobody in
 * another.
 *
 * @param before what it told them last, which stands while the web does not answer
 */
export function welcome(facts: Facts, workers: readonly KnownWorker[], before: Welcome | null): Welcome {
  const { agent, files } = facts.local;
  if (!webAnswers(facts) || agent?.web?.database !== true)
    return { answering: false, authorised: before?.authorised ?? [], workers: before?.workers ?? [] };
  const names = new Set(workers.map(({ name }) => name));
  const prints = new Set(workers.map(({ key }) => key && fingerprint(key)));
  // What is in the file is what the web has loaded: it is written before a start, or just before a reload.
  const loaded = (files[FILES.authorizedKeys] ?? "").split("\n").filter((line) => line !== "");
  return {
    answering: true,
    authorised: loaded.map(fingerprint).filter((print) => prints.has(print)),
    workers: agent.web.workers
      .filter(({ name, state }) => state === "running" && names.has(name))
      .map(({ name, since }) => ({ name, since })),
  };
}
