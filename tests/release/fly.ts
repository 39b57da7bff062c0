/** `fly` of the release, on this host, with a home of its own. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Ran } from "../e2e/tool.ts";

const TARGET = "t";

export class Fly {
  readonly #path: string;
  readonly #home: string;

  constructor(path: string, home: string) {
    this.#path = path;
    this.#home = home;
  }

  /** Starts it; what it prints comes by its streams. */
  start(...words: readonly string[]): ChildProcess {
    return spawn(this.#path, ["-t", TARGET, ...words], {
      env: { PATH: process.env["PATH"], HOME: this.#home },
      cwd: join(this.#home),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(...words: readonly string[]): Promise<Ran> {
    const child = this.start(...words);
    const output = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
    const [code] = (await once(child, "close")) as [number];
    return { code, ...output };
  }

  /** Standard output. @throws Error with all that was printed, unless it ends with 0. */
  async ok(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...words);
    if (code !== 0) throw new Error(`fly ${words[0] ?? ""} ended with ${code}: ${stderr.trim()} ${stdout.trim()}`);
    return stdout;
  }
}
