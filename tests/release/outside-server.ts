/**
 * Files of a directory over HTTP, with what a registry says besides. Told on the command line: the directory, the port. Says
 * `ready`; ends when its standard input does.
 */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const [directory = "", port = ""] = process.argv.slice(2);

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://here").pathname);
  if (path === "/v2/") return void response.end("{}");
  readFile(join(directory, path)).then(
    (content) => {
      if (path.includes("/manifests/")) {
        response.setHeader("content-type", "application/vnd.docker.distribution.manifest.v2+json");
        const digest = createHash("sha256").update(content).digest("hex");
        response.setHeader("docker-content-digest", `sha256:${digest}`);
      }
      response.setHeader("content-length", content.length);
      response.end(request.method === "HEAD" ? undefined : content);
    },
    () => response.writeHead(404).end(),
  );
}).listen(Number(port));
await once(server, "listening");

process.stdin.on("close", () => process.exit(0)).resume();
process.stdout.write("ready\n");
