/** `node standin/make.ts [--version V] [--arch amd64|arm64] [--variant small|normal|large]`: prints path, digest and size as JSON. */

import { parseArgs } from "node:util";
import { UserError } from "../src/errors.ts";
import { standInArchive, type StandInOptions } from "./archive.ts";

try {
  console.log(JSON.stringify(await standInArchive(readOptions()), null, 2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
}

function readOptions(): StandInOptions {
  const { values } = parseArgs({
    options: { version: { type: "string" }, arch: { type: "string" }, variant: { type: "string" } },
  });
  const { version, arch, variant } = values;
  if (arch !== undefined && arch !== "amd64" && arch !== "arm64") throw new UserError(`unknown architecture "${arch}"`);
  if (variant !== undefined && variant !== "small" && variant !== "normal" && variant !== "large") {
    throw new UserError(`unknown variant "${variant}"`);
  }
  return {
    ...(version !== undefined && { version }),
    ...(arch !== undefined && { arch }),
    ...(variant !== undefined && { variant }),
  };
}
