import { expect, test } from "vitest";
import { errnoSuite } from "./suite.ts";

test(
  "a disk that fails at any call, once or for a while: told, nothing damaged, and done once it stops",
  { timeout: 240_000 },
  async () => {
    const { calls, cases, said, violations } = await errnoSuite({ stride: 29, first: 12 });
    expect(violations).toEqual([]);
    expect([...calls].filter(([, count]) => count > 400).map(([name]) => name)).toEqual(["install", "clean-up"]);
    expect(cases).toBeGreaterThan(200);
    const words = [...said.keys()].filter((text) => !text.includes("logged"));
    expect(words.filter((text) => text.includes("agent-fault"))).toEqual([]);
    for (const code of ["ENOSPC", "EIO", "ESTALE", "EDQUOT", "EMFILE"]) expect(words.join("\n")).toContain(`${code}: `);
  },
);
