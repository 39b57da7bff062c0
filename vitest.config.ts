import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{src,standin,scripts,sim,tests/unit}/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        // One scenario at a time: each brings up real machines and measures nothing against a clock.
        test: {
          name: "e2e",
          include: ["tests/e2e/**/*.test.ts", "tests/real/**/*.test.ts"],
          globalSetup: "tests/sweep.ts",
          provide: { long: false },
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        // The same on a larger scale, for `npm run test:long`.
        test: {
          name: "long",
          include: ["tests/real/**/*.test.ts"],
          globalSetup: "tests/sweep.ts",
          provide: { long: true },
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
