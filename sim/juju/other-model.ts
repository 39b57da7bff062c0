/**
 * What an application sees of one in another model: to the side that offers, the other is `remote-<token>`, and so are its
 * units (Juju 3.6, apiserver/common/crossmodel). The side that consumes has given the other one a name.
 */
import { createHash } from "node:crypto";
import { sidesFor, type Application, type Relation } from "./model.ts";

export interface Shown {
  /** Name of the application behind the relation. */
  readonly application: string;
  /** Name of one of its units, by the name that it has itself. */
  readonly unit: (name: string) => string;
  /** The other way round, of an application or a unit; any other name is itself. */
  readonly behind: (name: string) => string;
}

/** The endpoint that is offered. */
const OFFERED = "tsa";

export function shownFor(relation: Relation, application: Application): Shown {
  const { own, far } = sidesFor(relation, application);
  const isRemote = own.endpoint === OFFERED && far.application?.model !== application.model;
  if (!isRemote) return { application: far.name, unit: (name) => name, behind: (name) => name };
  const token = createHash("md5").update(`${far.application?.model} ${far.name}`).digest("hex");
  const alias = `remote-${token}`;
  const renamed = (name: string, from: string, to: string): string =>
    name === from || name.startsWith(`${from}/`) ? to + name.slice(from.length) : name;
  return {
    application: alias,
    unit: (name) => renamed(name, far.name, alias),
    behind: (name) => renamed(name, alias, far.name),
  };
}
