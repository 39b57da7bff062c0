/** What attaching looks at, read from what the clients print. */

import { CLIENTS, listInstances, type Client } from "../../../src/cli/storage/daemons.ts";
import { JujuStatus } from "../../../src/cli/storage/documents.ts";
import type { Seen } from "../../../src/cli/storage/plan.ts";
import type { Exec } from "../../../src/ports.ts";
import { statusDocument, type InstanceDocument, type ModelSpec } from "../../fixtures/storage/world.ts";

export type Documents = Readonly<Partial<Record<Client, readonly InstanceDocument[]>>>;

/** Clients that answer queries from these documents, and nothing else. */
function recorded(documents: Documents, here: string | undefined): Exec {
  return {
    run: async ([client = "", , path]) => {
      const instances = documents[client as Client];
      if (instances === undefined) throw Object.assign(new Error(`spawn ${client} ENOENT`), { code: "ENOENT" });
      const server = { environment: { server_name: here ?? "host1", server_clustered: here !== undefined } };
      const answer = path === "local:/1.0" ? server : instances;
      return { code: 0, signal: null, stdout: JSON.stringify(answer), stderr: "" };
    },
  };
}

/** @param here this member's name, if the daemons are clusters */
export async function seenFrom(model: ModelSpec, documents: Documents, here?: string): Promise<Seen> {
  const { name, uuid, cloud = "lxd", project = "default" } = model;
  return {
    status: JujuStatus.parse(statusDocument(model)),
    model: { name, uuid, cloud, project },
    instances: await listInstances(recorded(documents, here), CLIENTS),
  };
}
