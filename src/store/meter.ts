import type { Problem } from "../agent/contract.ts";
import type { Ports } from "../ports.ts";
import type { FetchProgress } from "./types.ts";

/** Span over which the rate is taken, and the shortest time between two reports. */
const SPAN = 5_000;
const BETWEEN = 500;

/** Counts the bytes of an archive and reports them, not too often. */
export class Meter {
  readonly #clock: Ports["clock"];
  readonly #report: (progress: FetchProgress) => void;
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #reported = Number.NEGATIVE_INFINITY;
  #step: FetchProgress["step"] = "downloading";
  #problem: Problem | null = null;
  /** Size of the archive, once known. */
  total: number | null = null;
  /** How much of the archive is there. */
  bytes = 0;
  /** Bytes that came over the network, also those that had to come twice. */
  fetched = 0;

  constructor(clock: Ports["clock"], report: (progress: FetchProgress) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** More bytes from the network. */
  receive(count: number): void {
    const now = this.#clock.steady();
    const news = this.#problem !== null;
    this.bytes += count;
    this.fetched += count;
    this.#problem = null;
    if (news || now - this.#reported >= BETWEEN) {
      this.#samples = [...this.#samples.filter(({ at }) => now - at <= SPAN), { at: now, bytes: this.fetched }];
      this.#send(now);
    }
  }

  /** No bytes come, and why. */
  stall(problem: Problem): void {
    this.#problem = problem;
    this.#samples = [];
    this.#send(this.#clock.steady());
  }

  enter(step: FetchProgress["step"]): void {
    this.#step = step;
    this.#send(this.#clock.steady());
  }

  #send(now: number): void {
    this.#reported = now;
    this.#report({
      step: this.#step,
      bytes: this.bytes,
      total: this.total,
      rate: this.#rate(),
      problem: this.#problem,
    });
  }

  #rate(): number {
    const first = this.#samples.at(0);
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at === first.at) {
      return 0;
    }
    return Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at));
  }
}
