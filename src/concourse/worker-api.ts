/**
 * The little of a worker's own two APIs that shows whether builds can run: Baggageclaim's volumes and Garden's containers
 * (concourse 7.14.3 and 8.2.5, worker/baggageclaim/routes.go and api/; cloudfoundry/garden, routes/routes.go, client.go).
 */
import type { Http } from "../ports.ts";
import { jsonObject } from "./log.ts";

const BAGGAGECLAIM = "http://127.0.0.1:7788";
const GARDEN = "http://127.0.0.1:7777";

/** The worker could not make something: the message says what, `said` in its own words. */
export class TrialError extends Error {
  override readonly name = "TrialError";
  readonly said: string;

  constructor(message: string, said: string) {
    super(message);
    this.said = said;
  }
}

/**
 * Makes what a step of a build needs: a volume, a copy-on-write child of it, and a container on that, and destroys them
 * whatever happens. The container runs Concourse's own `init` alone, so an empty volume is root enough.
 *
 * @param handle a name that nobody else uses
 * @param signal ends the making; what is there by then is destroyed all the same
 * @throws TrialError, or the port's error where nobody listens yet
 */
export async function tryWorker(http: Http, handle: string, signal: AbortSignal): Promise<void> {
  const child = `${handle}-child`;
  const undo: string[] = [];
  try {
    undo.push(`${BAGGAGECLAIM}/volumes/${handle}`);
    await make(`${BAGGAGECLAIM}/volumes`, { handle, strategy: { type: "empty" }, properties: {} }, "no volume");
    undo.push(`${BAGGAGECLAIM}/volumes/${child}`);
    const strategy = { type: "cow", volume: handle };
    const made = await make(
      `${BAGGAGECLAIM}/volumes`,
      { handle: child, strategy, properties: {} },
      "no copy of a volume",
    );
    undo.push(`${GARDEN}/containers/${handle}`);
    await make(`${GARDEN}/containers`, { handle, rootfs: `raw://${String(made["path"])}` }, "no container");
  } finally {
    for (const url of undo.toReversed()) {
      const answer = await http.send({ method: "DELETE", url, idleTimeout: UNDO_MS }).catch(() => null);
      answer?.cancel();
    }
  }

  async function make(url: string, what: object, failed: string): Promise<Readonly<Record<string, unknown>>> {
    const headers = { "content-type": "application/json" };
    const answer = await http.send({ method: "POST", url, headers, body: JSON.stringify(what), signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    const said = jsonObject(Buffer.concat(chunks).toString());
    if (answer.status < 300) return said;
    throw new TrialError(`${failed} can be made`, String(said["error"] ?? said["Message"] ?? answer.status));
  }
}

const UNDO_MS = 10_000;
