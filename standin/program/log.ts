/** Log lines as the real one writes them: one JSON object a line on standard output (lager's "pretty" form). */

export type Level = "debug" | "info" | "error" | "fatal";

const ORDER: readonly Level[] = ["debug", "info", "error", "fatal"];

export class Log {
  readonly #source: string;
  readonly #threshold: number;

  /** `source`: `atc`, `tsa`, `worker` or `baggageclaim`; lines below `level` are dropped. */
  constructor(source: string, level: string) {
    this.#source = source;
    this.#threshold = ORDER.indexOf(level as Level);
  }

  debug(message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#write("debug", message, data);
  }

  info(message: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#write("info", message, data);
  }

  error(message: string, error: unknown, data: Readonly<Record<string, unknown>> = {}): void {
    this.#write("error", message, { error: messageOf(error), ...data });
  }

  #write(level: Level, message: string, data: Readonly<Record<string, unknown>>): void {
    if (ORDER.indexOf(level) < this.#threshold) return;
    const timestamp = new Date().toISOString().replace("Z", "000000Z");
    const source = this.#source;
    process.stdout.write(`${JSON.stringify({ timestamp, level, source, message: `${source}.${message}`, data })}\n`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
