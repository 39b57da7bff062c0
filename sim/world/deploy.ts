/** The applications of a world and their relations, as an operator deploys them. */
import { shortModel } from "../../src/charm/facts.ts";
import { APPLICATIONS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import { newApplication, relate, type Application } from "../juju/model.ts";
import { MIRROR } from "./network.ts";
import type { ApplicationShape } from "./plan.ts";

/** An application without units, related to its web's application, or to a database. */
export function deploy(shape: ApplicationShape, version: string, others: readonly Application[]): Application {
  const { name, model, mode, flight } = shape;
  const application = newApplication(name, model, {
    mode,
    "shared-storage": "lxc",
    "release-mirror": MIRROR,
    "initial-admin-username": "admin",
    ...(flight === null ? { version } : {}),
  });
  const number = others.length + 1;
  const web = others.find((other) => other.name === flight);
  if (web === undefined) {
    const played = { application: null, name: "postgresql", endpoint: "database" };
    const answer = { endpoints: "10.9.0.1:5432", username: "u", password: "p", database: "concourse" };
    relate(number, { application, name, endpoint: "postgresql" }, played, { postgresql: answer });
  } else {
    const side = { application: web, name: web.name, endpoint: "tsa" };
    relate(number, side, { application, name, endpoint: "flight" });
  }
  return application;
}

/** Applications of the first model were there first: one of another model is refused. */
export function registerFirst(store: Disk, applications: readonly Application[]): void {
  const [first] = applications;
  const directory = store.addDirectory(store.root, APPLICATIONS, 0o755);
  for (const { model, name } of applications) {
    if (model !== first?.model) continue;
    const application = `${shortModel(model)}-${name}`;
    const file = store.addFile(directory, `${application}.json`, 0o644);
    store.write(file, 0, [Buffer.from(`${JSON.stringify({ schema: 1, application })}\n`)]);
  }
}
