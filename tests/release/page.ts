/** `docs/reference/releases.md`: the page around the tables. */

import { markdown, type Run } from "./report.ts";
import { TABLE } from "./table.ts";

const INTRODUCTION = `# Releases that were tried

<!-- Written by \`npm run docs\` from tests/release/outcomes.json, which \`npm run test:release -- … --record\` adds to. -->

What deployments rely on in a release of Concourse, tried on the real program, built from the tag of its version, on three units
and more. Rows that run no containers are also tried on the [stand-in](../explanation/stand-in.md) in every \`npm test\`: it holds
what the real one was seen to hold on the day in the table. A column is put together from runs of parts of the table, each with the
charm as it was then; a dash stands for a row without a kept outcome. To try a release yourself:

    npm run test:release -- --release-file concourse-8.2.5-linux-amd64.tgz --version 8.2.5

`;

export const page = (runs: readonly Run[]): string => `${INTRODUCTION}${markdown(TABLE, runs)}`;
