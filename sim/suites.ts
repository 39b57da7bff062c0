/** `npm run sim -- crash` and `npm run sim -- errno`: what is gone through from end to end instead of by seeds. */
import { crashSuite, FULL, showCrashes } from "./crash/suite.ts";
import { versionsInARow } from "./versions.ts";
import { errnoSuite, showErrnos } from "./errno/suite.ts";

/** Each prints its figures and gives the exit code. */
export const SUITES: Readonly<Record<string, () => Promise<number>>> = {
  crash: async () => {
    const counts = await crashSuite(FULL);
    console.log(showCrashes(counts));
    return counts.every(({ violations }) => violations.length === 0) ? 0 : 1;
  },
  errno: async () => {
    const counts = await errnoSuite({ stride: 1 });
    console.log(showErrnos(counts));
    return counts.violations.length === 0 ? 0 : 1;
  },
  versions: async () => {
    const { problem, ...figures } = await versionsInARow(1, 100);
    console.log(figures);
    if (problem !== null) console.log(problem);
    return problem === null ? 0 : 1;
  },
};
