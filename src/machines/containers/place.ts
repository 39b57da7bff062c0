import { project, type Daemon } from "./daemon.ts";

/**
 * What the daemon holds for machines, made once and kept: a project, so that nothing can be mistaken for somebody else's; a
 * pool of plain directories, so that a machine's files lie on the host's own file system; the profile of a machine.
 */
const pool = "concourse-machine";

const features = {
  "features.images": "true",
  "features.networks": "false",
  "features.profiles": "true",
  "features.storage.volumes": "true",
};

const profile = {
  description: "A machine of concourse-machine",
  // Containers in containers, as workers need them; whether a machine runs is for its model to say.
  config: { "security.nesting": "true", "boot.autostart": "false" },
  devices: { root: { type: "disk", path: "/", pool } },
};

const projectPath = `/1.0/projects/${project}`;
const poolPath = `/1.0/storage-pools/${pool}`;
const profilePath = "/1.0/profiles/default";

/** Whether any of it is there. */
export async function placed(daemon: Daemon): Promise<boolean> {
  return (await daemon.find(projectPath)) !== null || (await daemon.find(poolPath)) !== null;
}

/** Makes what is missing. Idempotent. */
export async function makePlace(daemon: Daemon): Promise<void> {
  if ((await daemon.find(projectPath)) === null) {
    const json = { name: project, description: "Machines of concourse-machine", config: features };
    await daemon.change("POST", "/1.0/projects", { json });
  }
  if ((await daemon.find(poolPath)) === null) {
    await daemon.change("POST", "/1.0/storage-pools", { json: { name: pool, driver: "dir" } });
  }
  await daemon.change("PUT", profilePath, { json: profile });
}

/** Removes it with all images in it. No machine is left by then. Idempotent. */
export async function removePlace(daemon: Daemon): Promise<void> {
  if ((await daemon.find(projectPath)) !== null) {
    for (const path of await daemon.get<readonly string[]>("/1.0/images")) {
      await daemon.change("DELETE", path.replace(/\?.*$/, ""));
    }
    await daemon.change("PUT", profilePath, { json: { config: {}, devices: {} } });
    await daemon.change("DELETE", projectPath);
  }
  if ((await daemon.find(poolPath)) !== null) await daemon.change("DELETE", poolPath);
}
