/** Builds that need the network: an image of a registry, a clone of a repository. */

import { GIT, IMAGE, PORT, REGISTRY, WORD } from "../outside.ts";
import type { Row } from "../row.ts";
import { seconds } from "../world.ts";
import { setPipeline } from "./builds.ts";

const PIPELINE = {
  resources: [
    {
      name: "repository",
      type: "git",
      check_every: "never",
      source: { uri: `http://${GIT}:${PORT}/repository.git`, branch: "main" },
    },
  ],
  jobs: [
    {
      name: "job",
      plan: [
        { get: "repository" },
        {
          task: "read",
          config: {
            platform: "linux",
            image_resource: {
              type: "registry-image",
              source: { repository: `${REGISTRY}:${PORT}/${IMAGE}`, tag: "latest", insecure: true },
            },
            inputs: [{ name: "repository" }],
            run: { path: "sh", args: ["-ec", `grep -x "${WORD}" repository/word`] },
          },
        },
      ],
    },
  ],
};

export const outside: Row = {
  id: "registry-and-git",
  name: "A build clones a repository and runs in an image of a registry, both by name and beyond the model's network",
  builds: true,
  async run(world) {
    const fly = await world.fly();
    await setPipeline(world, fly, "outside", PIPELINE);
    const began = performance.now();
    await fly.ok("check-resource", "-r", "outside/repository");
    // The task has looked itself: of one that is over at once, the log may lack the output.
    await fly.ok("trigger-job", "-j", "outside/job", "--watch");
    return `succeeded in ${seconds(began)} s`;
  },
};
