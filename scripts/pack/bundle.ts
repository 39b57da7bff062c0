import { build, type Metafile, type Plugin } from "esbuild";
import { readdir, readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { ROOT } from "../run.mjs";

export interface Bundle {
  readonly program: string;
  /** Licences of every npm package with code in `program`, and the legal comments found in it. */
  readonly licences: string;
}

/** Packages still in CommonJS call `require` for Node's own modules; an ES module has to make itself one. */
const banner = `import{createRequire as $createRequire}from"node:module";const require=$createRequire(import.meta.url);`;

/**
 * Static imports of Node's own modules would all be hoisted to the top of the bundle and loaded by every hook; node:http
 * alone costs 25 ms. As `require` they are loaded with the part of the program that uses them.
 */
const builtinsWhenUsed: Plugin = {
  name: "builtins when used",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z:/_0-9]+$/ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== "require-call" ? { path, namespace: "builtin", sideEffects: false } : undefined,
    );
    onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

/**
 * Bundles a program into one ES module for the pinned Node. White space goes (a hook starts sooner), names stay (a stack
 * trace is worth reading).
 *
 * @param entry path relative to the repository
 */
export async function bundle(entry: string): Promise<Bundle> {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    outfile: "main.mjs",
    write: false,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minifyWhitespace: true,
    charset: "utf8",
    // Where node_modules really lies is not to be seen in the bundle.
    preserveSymlinks: true,
    legalComments: "external",
    plugins: [builtinsWhenUsed],
    banner: { js: banner },
    metafile: true,
    logLevel: "error",
  });
  const text = (ending: string): string => result.outputFiles.find((file) => file.path.endsWith(ending))?.text ?? "";
  return { program: text("main.mjs"), licences: await licencesOf(result.metafile, text(".LEGAL.txt")) };
}

async function licencesOf(metafile: Metafile, legalComments: string): Promise<string> {
  const parts = await Promise.all(bundledPackages(metafile).map(licenceOf));
  if (legalComments !== "") parts.push(`Legal comments in the bundled code\n\n${legalComments}`);
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

/** Directories (relative to the repository) of the packages that gave at least one byte to the output. */
function bundledPackages(metafile: Metafile): string[] {
  const files = Object.values(metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const directories = files.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(directories.filter((directory) => directory !== undefined))].toSorted();
}

async function licenceOf(directory: string): Promise<string> {
  const path = join(ROOT, directory);
  const about = JSON.parse(await readFile(join(path, "package.json"), "utf8")) as Record<string, unknown>;
  const file = (await readdir(path)).toSorted().find((name) => /^(licen[cs]e|copying)/i.test(name));
  const text = file === undefined ? "(The package has no licence file.)\n" : await readFile(join(path, file), "utf8");
  return `${String(about["name"])} ${String(about["version"])}: ${String(about["license"])}\n\n${text}`;
}
