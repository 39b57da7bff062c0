import { jujuResource, type Resource } from "../concourse/sources.ts";
import { knownProblem } from "./fault.ts";
import type { TaskWorld } from "./world.ts";

/**
 * The file of the charm's resource, null if there is none. Juju fails alike for a resource that nobody uploaded and for
 * one it cannot give just now (Juju 3.6, `could not download resource`): both mean that the next source is asked, which
 * costs nothing but its traffic, for the digest decides what is taken.
 */
export function unitResource({ ports, juju }: TaskWorld, unit: string): Resource {
  const exec = { run: (...command: Parameters<typeof ports.exec.run>) => juju((raw) => raw.run(...command)) };
  const ask = jujuResource({ exec, fs: ports.fs }, unit);
  return async () => {
    try {
      return await ask();
    } catch (error) {
      if (knownProblem(error)?.code !== "no-resource") throw error;
      ports.log(`${String(error)}: taken as none`);
      return null;
    }
  };
}
