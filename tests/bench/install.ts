/**
 * What an install costs, against what each of its parts costs alone: the network, `gzip -dc`, and writing the unpacked
 * tree durably. Rounds are interleaved, so that a busy machine is busy for all of them.
 *
 *     node tests/bench/install.ts [--megabytes 170] [--rounds 5] [--rates 0,30] [--json]
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSync } from "esbuild";
import { type Corpus, corpus } from "./corpus.ts";

/** Flags that the agent runs with. */
export const AGENT_FLAGS = ["--max-semi-space-size=1"];

interface Figures {
  readonly milliseconds: number;
  readonly peak: number;
  readonly cpu: number;
}

export interface Round {
  readonly install: Figures;
  readonly network: Figures;
  readonly gzip: Figures;
  readonly write: Figures;
}

export interface Result {
  /** Bytes a second of the server; 0 = unthrottled. */
  readonly rate: number;
  readonly archiveBytes: number;
  /** Medians, in milliseconds. */
  readonly install: number;
  readonly network: number;
  readonly gzip: number;
  readonly write: number;
  /** Median over the rounds of install / slowest part. */
  readonly ratio: number;
  /** Most memory of any round, in bytes. */
  readonly peak: number;
  readonly cpu: number;
}

/** Measures installs of one archive from a server of a given rate, in bytes a second. */
export async function measure(made: Corpus, directory: string, rate: number, rounds: number): Promise<Result> {
  const program = join(directory, "measured.mjs");
  const entry = fileURLToPath(new URL("measured.ts", import.meta.url));
  buildSync({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL("server.ts", import.meta.url)), made.archive, String(rate)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    const [port] = (await once(server.stdout, "data")) as [Buffer];
    const url = `http://127.0.0.1:${String(port).trim()}/archive.tgz`;
    const all: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      all.push(await oneRound(made, program, directory, url));
    }
    return summary(all, made, rate);
  } finally {
    server.kill();
  }
}

async function oneRound(made: Corpus, program: string, directory: string, url: string): Promise<Round> {
  const [store, copy] = [join(directory, "store"), join(directory, "copy")];
  try {
    const install = await run(program, ["install", store, url, made.sha256]);
    const network = await run(program, ["network", url]);
    const gzip = await gunzip(made.archive);
    const write = await run(program, ["write", join(made.tree, "concourse"), copy]);
    return { install, network, gzip, write };
  } finally {
    rmSync(store, { recursive: true, force: true });
    rmSync(copy, { recursive: true, force: true });
    execFileSync("sync", ["-f", directory]);
  }
}

async function run(program: string, args: readonly string[]): Promise<Figures> {
  const child = spawn(process.execPath, [...AGENT_FLAGS, program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number | null]>]);
  if (code !== 0) {
    throw new Error(`${args[0]} ended with ${code}`);
  }
  return JSON.parse(output) as Figures;
}

async function gunzip(archive: string): Promise<Figures> {
  const start = performance.now();
  const child = spawn("gzip", ["-dc"], { stdio: [openSync(archive, "r"), openSync("/dev/null", "w"), "inherit"] });
  await once(child, "exit");
  return { milliseconds: performance.now() - start, peak: 0, cpu: 0 };
}

function summary(rounds: readonly Round[], made: Corpus, rate: number): Result {
  const of = (part: keyof Round) => median(rounds.map((round) => round[part].milliseconds));
  const slowest = ({ network, gzip, write }: Round) =>
    Math.max(network.milliseconds, gzip.milliseconds, write.milliseconds);
  return {
    rate,
    archiveBytes: made.bytes,
    install: of("install"),
    network: of("network"),
    gzip: of("gzip"),
    write: of("write"),
    ratio: median(rounds.map((round) => round.install.milliseconds / slowest(round))),
    peak: Math.max(...rounds.map(({ install }) => install.peak)),
    cpu: median(rounds.map(({ install }) => install.cpu)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** One line a rate, as Markdown. */
export function table(results: readonly Result[]): string {
  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2);
  const lines = results.map((result) =>
    [
      result.rate === 0 ? "unthrottled" : `${result.rate / 1e6} MB/s`,
      `${(result.archiveBytes / 1e6).toFixed(0)} MB`,
      seconds(result.install),
      seconds(result.network),
      seconds(result.gzip),
      seconds(result.write),
      result.ratio.toFixed(2),
      `${(result.peak / 1024 ** 2).toFixed(0)} MiB`,
      seconds(result.cpu),
    ].join(" | "),
  );
  const head = [
    "server",
    "archive",
    "install s",
    "network s",
    "gzip -dc s",
    "write+fsync s",
    "ratio",
    "VmHWM",
    "CPU s",
  ];
  return [head.join(" | "), head.map(() => "---").join(" | "), ...lines].map((line) => `| ${line} |`).join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      megabytes: { type: "string", default: "170" },
      rounds: { type: "string", default: "5" },
      rates: { type: "string", default: "0,30" },
      json: { type: "boolean", default: false },
    },
  });
  const cache = process.env["CONCOURSE_MACHINE_CACHE"] ?? "/var/cache/concourse-machine";
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "bench-run-"));
  try {
    const made = corpus(cache, Number(values.megabytes));
    const results: Result[] = [];
    for (const rate of values.rates.split(",")) {
      results.push(await measure(made, directory, Number(rate) * 1e6, Number(values.rounds)));
    }
    const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? "", node: process.version };
    console.log(values.json ? JSON.stringify({ machine, results }, null, 1) : table(results));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
