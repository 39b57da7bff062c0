/** The last lines of `up`: what the cluster is, and what to do with it. */

import { join, relative } from "node:path";
import { APPLICATION } from "./bring-up.ts";

export interface Farewell {
  readonly url: string;
  /** As a word of a command: "" or ` -m name`. */
  readonly option: string;
  /** The application whose units run builds. */
  readonly workers: string;
  readonly standIn: boolean;
}

/** Where an archive of the real Concourse is to be had. */
const RELEASES = "https://github.com/concourse/concourse/releases";

const example = (): string => relative(process.cwd(), join(import.meta.dirname, "../../docs/tutorial/hello.yml"));

/** How `fly` is had, as this machine's shell takes it. Concourse, atc/api/cliserver. */
function flyCommand(url: string): string {
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  return `curl -fLo fly '${url}/api/v1/cli?arch=${arch}&platform=linux' && chmod +x fly`;
}

export function farewell({ url, option, workers, standIn }: Farewell): string {
  const tool = "npx concourse-machine";
  const common = [
    ["Concourse:", url],
    ["Password:", `${tool} run ${APPLICATION}/leader get-admin-password${option}`],
    ["One more:", `${tool} add-unit ${workers}${option}`],
    ["Stop:", `${tool} down --yes${option}`],
  ];
  const pipelines = [
    ["fly:", flyCommand(url)],
    ["Log in:", `./fly -t local login -c ${url} -u admin -p PASSWORD`],
    ["Pipeline:", `./fly -t local set-pipeline -p hello -c ${example()}`],
  ];
  const table = [...common, ...(standIn ? [] : pipelines)].map(([name = "", text]) => `${name.padEnd(12)}${text}\n`);
  const last = standIn
    ? `This is the stand-in release: it registers workers and answers the API, and RUNS NO PIPELINES.
For the real Concourse:
  ${tool} down --yes${option}
  ${tool} up --release github${option}    with a network, or with an archive from ${RELEASES}:
  ${tool} up --release-file concourse-7.14.3-linux-amd64.tgz${option}
`
    : "Next: docs/tutorial/first-pipeline.md\n";
  return `\n${table.join("")}\n${last}`;
}
