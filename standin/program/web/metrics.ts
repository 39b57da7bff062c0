/** The few Prometheus series that this web can fill (concourse/concourse, atc/metric/emitter/prometheus.go). */

import type { RequestListener } from "node:http";
import type { Workers } from "./workers.ts";

const STATES = ["landed", "landing", "retiring", "running", "stalled"];

/** Answers any path, as upstream's does. */
export function metrics(workers: Workers): RequestListener {
  return (_request, response) => {
    void render(workers).then(
      (text) => {
        response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(text);
      },
      () => {
        response.writeHead(500);
        response.end();
      },
    );
  };
}

async function render(workers: Workers): Promise<string> {
  const list = await workers.list();
  const lines = [
    "# HELP concourse_workers_registered Number of workers per state",
    "# TYPE concourse_workers_registered gauge",
    ...STATES.map((state) => {
      const count = list.filter((worker) => worker.state === state).length;
      return `concourse_workers_registered{state="${state}"} ${count}`;
    }),
    "# HELP concourse_workers_containers Number of containers per worker",
    "# TYPE concourse_workers_containers gauge",
    ...list.map((worker) => `concourse_workers_containers{worker="${worker.name}"} ${worker.active_containers}`),
  ];
  return `${lines.join("\n")}\n`;
}
