/** Background work done one piece after the other; the first failure ends it and is thrown to whoever asks next. */
export class Queue {
  readonly #room: number;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;

  /** `room`: pieces that may wait before `add` makes its caller wait. */
  constructor(room: number) {
    this.#room = room;
  }

  async add(work: () => Promise<void>): Promise<void> {
    this.#check();
    this.#waiting++;
    this.#tail = this.#tail.then(() => this.#do(work));
    if (this.#waiting > this.#room) {
      await this.#tail;
    }
    this.#check();
  }

  /** Waits until all of it is done. */
  async idle(): Promise<void> {
    await this.#tail;
    this.#check();
  }

  async #do(work: () => Promise<void>): Promise<void> {
    try {
      if (this.#failure === null) {
        await work();
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#waiting--;
    }
  }

  #check(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }
}
