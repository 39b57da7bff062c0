/** What a browser is shown: that this is the stand-in, and how to have the real Concourse. Upstream's own page is an application. */

import { VERSION } from "../version.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: #f4f5f7; color: #1c2530; }
main { max-width: 48rem; margin: 3rem auto; padding: 2rem 2.5rem; background: #fff; border-radius: 6px; border-top: 6px solid #d98a00; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.1rem; }
pre { margin: .5rem 0; padding: .75rem 1rem; overflow-x: auto; border-radius: 4px; background: #1c2530; color: #f4f5f7; }
.note { font-weight: 600; }
@media (prefers-color-scheme: dark) {
  body { background: #12181f; color: #e6e9ed; }
  main { background: #1c2530; }
  pre { background: #0c1015; }
}`;

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

export function startPage(): string {
  return page(
    "Concourse (stand-in)",
    `<h1>Stand-in for Concourse ${VERSION}</h1>
<p class="note">It runs no pipelines.</p>
<p>This program takes the settings, keys and signals of Concourse, registers workers and answers the API, so that a deployment
can be tried without the real release. It contains no part of Concourse.</p>
<h2>To get the real Concourse</h2>
<p>On this machine, if it reaches GitHub:</p>
<pre>npx concourse-machine down --yes
npx concourse-machine up --release github</pre>
<p>With an archive from <code>github.com/concourse/concourse/releases</code>:</p>
<pre>npx concourse-machine down --yes
npx concourse-machine up --release-file concourse-${VERSION}-linux-amd64.tgz</pre>
<p>On Juju, if <code>release-mirror</code> leads here:</p>
<pre>juju config concourse-ci-machine --reset release-mirror</pre>`,
  );
}

export function loginPage(): string {
  return page(
    "Log in",
    "<h1>Log in</h1>\n<p>The stand-in has no pages to log in to. Its API takes a name and a password.</p>",
  );
}
