import { randomUUID } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { UserError } from "../errors.ts";
import { addressing } from "../machines/addresses.ts";
import { machineKind } from "../machines/index.ts";
import type { Reach } from "../machines/machine.ts";
import { hostRoutes, overlaps, subnet, type Subnet } from "../machines/routes.ts";
import { lineNamed } from "../model/state/juju-line.ts";
import { startSupervisor } from "../model/supervisor/launch.ts";
import { currentModelFile, modelPaths } from "../model/supervisor/paths.ts";
import { makeDirectories, newRecord, shortId, writeRecord } from "../model/supervisor/record.ts";
import { checkModelName, requireRoot, say } from "./session.ts";

export interface NewModel {
  /** Kind of the machines. */
  readonly machines: string;
  /** `remote:alias` of what machines boot; "" for their kind's own. */
  readonly image: string;
  /** Version or line of Juju to play, as typed; "" for the usual one. */
  readonly agentVersion: string;
  readonly reach: Reach;
}

/**
 * Makes an empty model, starts its supervisor and makes it the current one.
 * @throws UserError if there is one of that name, or the host lacks something.
 */
export async function createModel(name: string, { machines, image, agentVersion, reach }: NewModel): Promise<void> {
  requireRoot();
  const juju = lineNamed(agentVersion);
  const paths = modelPaths(checkModelName(name));
  if (existsSync(paths.record)) {
    throw new UserError(
      `model "${name}" already exists`,
      `Use it with -m ${name}, or remove it with: concourse-machine down -m ${name}`,
    );
  }
  const kind = machineKind(machines);
  const [missing] = await kind.missing();
  if (missing !== undefined) throw new UserError(missing);
  const booted = await kind.image(image, say);
  await makeDirectories(paths);
  const origin = { machines: kind.name, image: booted, juju, reach };
  writeRecord(paths, newRecord(name, freeUuid(await hostRoutes()), origin));
  writeFileSync(currentModelFile(), `${name}\n`);
  await startSupervisor(paths);
}

/** How often another network is looked for: where a VPN takes all of 10.0.0.0/8 there is none. */
const ATTEMPTS = 100;

/** If possible, one whose network is none that the host has a route to: its machines could not reach what is there. */
export function freeUuid(routes: readonly Subnet[]): string {
  for (let attempt = 1; ; attempt++) {
    const uuid = randomUUID();
    const network = subnet(addressing(shortId(uuid)).cidr);
    if (attempt === ATTEMPTS || !routes.some((route) => overlaps(route, network))) return uuid;
  }
}
