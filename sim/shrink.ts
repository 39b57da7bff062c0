/** The smallest world in which a seed still breaks the same rule. */
import type { Run } from "./run.ts";
import type { Shape } from "./world/plan.ts";

/** What of a seed is used: the command line can say the same. */
export interface Cut {
  /** Places in the list of faults; null = all of them. */
  readonly faults: readonly number[] | null;
  /** Steps with faults; null = as many as the seed says. */
  readonly steps: number | null;
  /** Units of each application at most; null = as many as the seed says. */
  readonly units: number | null;
}

export const WHOLE: Cut = { faults: null, steps: null, units: null };

export function cutShape(shape: Shape, { faults, steps, units }: Cut): Shape {
  return {
    ...shape,
    faults: faults === null ? shape.faults : shape.faults.filter(({ index }) => faults.includes(index)),
    steps: steps ?? shape.steps,
    applications: shape.applications.map((application) => ({
      ...application,
      units: Math.min(application.units, units ?? application.units),
    })),
  };
}

/**
 * Fewer faults, then fewer steps, then fewer units, as long as the same rule is broken. Each try is a run of its own, and
 * may go another way altogether: what is left is smaller, not a part of what was.
 *
 * @param attempt runs the seed with a cut
 * @param most tries at most
 */
export async function shrink(
  shape: Shape,
  rule: string,
  attempt: (cut: Cut) => Promise<Run>,
  most = 60,
): Promise<{ readonly cut: Cut; readonly run: Run | null }> {
  let best: { cut: Cut; run: Run | null } = {
    cut: { ...WHOLE, faults: shape.faults.map(({ index }) => index) },
    run: null,
  };
  let tries = 0;
  const better = async (cut: Cut): Promise<boolean> => {
    if (tries >= most) return false;
    tries += 1;
    const run = await attempt(cut);
    if (run.violation?.rule !== rule) return false;
    best = { cut, run };
    return true;
  };
  const faults = () => best.cut.faults ?? [];
  for (let size = Math.ceil(faults().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < faults().length;) {
      const left = faults().filter((_, index) => index < at || index >= at + size);
      if (!(await better({ ...best.cut, faults: left }))) at += size;
    }
  }
  for (let steps = Math.ceil(shape.steps / 2); steps > 50; steps = Math.ceil(steps / 2)) {
    if (!(await better({ ...best.cut, steps }))) break;
  }
  for (const units of [1, 2, 3]) {
    if (await better({ ...best.cut, units })) break;
  }
  return best;
}
