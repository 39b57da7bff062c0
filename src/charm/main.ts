import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The one program of the charm: `main.mjs` is what dispatch runs, `main.mjs agent` is the unit's background process. */
async function main(): Promise<void> {
  const program = await realpath(fileURLToPath(import.meta.url));
  if (process.argv[2] === "agent") {
    const { runAgent } = await import("../agent/main.ts");
    return runAgent();
  }
  const { dispatch } = await import("./dispatch.ts");
  return dispatch(program);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
});
