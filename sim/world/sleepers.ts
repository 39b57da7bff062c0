/** Who sleeps until when: a heap, the earliest first, and of two for one moment the one that came first. */

export interface Sleeper<Life> {
  readonly due: number;
  readonly order: number;
  readonly life: Life;
  woken: boolean;
  readonly wake: () => void;
}

export class Sleepers<Life> {
  readonly #heap: Sleeper<Life>[] = [];
  #order = 0;

  get first(): Sleeper<Life> | undefined {
    return this.#heap[0];
  }

  add(due: number, life: Life, wake: () => void): Sleeper<Life> {
    const sleeper = { due, order: this.#order++, life, woken: false, wake };
    const heap = this.#heap;
    heap.push(sleeper);
    for (let at = heap.length - 1; at > 0;) {
      const above = (at - 1) >> 1;
      if (!swapIfEarlier(heap, at, above)) break;
      at = above;
    }
    return sleeper;
  }

  removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const below = right < heap.length && isEarlier(heap, right, left) ? right : left;
      if (below >= heap.length || !swapIfEarlier(heap, below, at)) return;
      at = below;
    }
  }
}

function isEarlier<Life>(heap: readonly Sleeper<Life>[], a: number, b: number): boolean {
  const [x, y] = [heap[a], heap[b]];
  if (x === undefined || y === undefined) return false;
  return x.due < y.due || (x.due === y.due && x.order < y.order);
}

function swapIfEarlier<Life>(heap: Sleeper<Life>[], at: number, above: number): boolean {
  const [x, y] = [heap[at], heap[above]];
  if (x === undefined || y === undefined || !isEarlier(heap, at, above)) return false;
  heap[at] = y;
  heap[above] = x;
  return true;
}
