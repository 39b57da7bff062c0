/** The one program of the charm: `main.mjs` is what dispatch runs, `main.mjs agent` is the unit's background process. */
async function main(): Promise<void> {
  // Node has followed links to get here (`--preserve-symlinks-main` is off).
  const program = import.meta.filename;
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
