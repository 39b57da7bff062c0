/** Databags and their versions. */

export type Bag = Readonly<Record<string, string>>;

/** A bag with a number that rises with every change. */
export interface Versioned {
  readonly value: Bag;
  readonly version: number;
}

/** Changes a bag as a commit does; true if that is news to anybody. An empty value deletes its key. */
export function changeBag(bags: Map<string, Versioned>, owner: string, change: Bag): boolean {
  const before = bags.get(owner) ?? { value: {}, version: 0 };
  if (Object.entries(change).every(([key, value]) => (before.value[key] ?? "") === value)) return false;
  bags.set(owner, { value: merged(before.value, change), version: before.version + 1 });
  return true;
}

export function merged(bag: Bag, change: Bag = {}): Bag {
  if (Object.keys(change).length === 0) return bag;
  return Object.fromEntries(Object.entries({ ...bag, ...change }).filter(([, value]) => value !== ""));
}
