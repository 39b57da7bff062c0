/** What a plug-in sees and does of its application: its writes count at once, as a hook's do when it ends. */
import type { PluginRelation } from "../contract.ts";
import { type Bag, type Core, logAt, type PortRow, type RelationRow, type UnitRow } from "./data.ts";
import { parsePort } from "./port-syntax.ts";
import { applicationNamed, existing, setWorkload, unitsOf } from "./rows.ts";
import {
  applicationBag,
  nearEndpoint,
  relationsOf,
  remoteApplication,
  visibleRemoteUnits,
  writeBag,
} from "./scopes.ts";
import { addGrant, addRevision, contentChecksum, newSecret, secretId } from "./secrets.ts";
import { unitTag } from "./names.ts";
import { samePort } from "./agent/ports.ts";
import type { PluginView } from "./model.ts";

export function pluginView(core: Core, name: string, clock: () => number): PluginView {
  applicationNamed(core.data, name);
  const unitName = unitsOf(core.data, name)[0]?.name ?? `${name}/0`;
  const unit = () => existing(core.data.units, unitName);
  return {
    application: name,
    unit: unitName,
    modelUuid: core.data.uuid,
    setStatus: (current, message) => setWorkload(core, unit(), current, message, clock()),
    setVersion: (version) => setVersion(core, name, version),
    openPort: (port) => openPort(core, unit(), { endpoint: "", ...parsePort(port) }),
    relations: (endpoint) =>
      relationsOf(core.data, name)
        .filter((relation) => isEntered(relation, unitName) && nearEndpoint(relation, name).name === endpoint)
        .map((relation) => pluginRelation(core, relation, unit(), clock)),
    log: (level, message) => logAt(core, clock(), unitTag(unitName), level, `unit.${unitName}.juju-log`, message),
  };
}

function isEntered(relation: RelationRow, unit: string): boolean {
  return relation.life === "alive" && relation.units[unit]?.entered === true;
}

function setVersion(core: Core, name: string, version: string): void {
  const application = existing(core.data.applications, name);
  if (application.version === version) return;
  application.version = version;
  core.changed();
}

function openPort(core: Core, unit: UnitRow, port: PortRow): void {
  if (unit.ports.some((other) => samePort(other, port))) return;
  unit.ports.push(port);
  core.changed();
}

function pluginRelation(core: Core, relation: RelationRow, unit: UnitRow, clock: () => number): PluginRelation {
  const remoteApp = remoteApplication(relation, unit.application);
  const own = () => applicationBag(relation, unit.application);
  return {
    id: relation.id,
    remoteApp,
    remoteUnits: visibleRemoteUnits(relation, unit),
    remoteAppData: () => ({ ...applicationBag(relation, remoteApp).values }),
    remoteUnitData: (name) => ({ ...relation.units[name]?.values }),
    setAppData: (data) => writeBag(core, own(), data),
    appData: () => ({ ...own().values }),
    setUnitData: (data) => writeBag(core, existing(relation.units, unit.name), data),
    secret: (label, content) => grantedSecret(core, relation, unit, remoteApp, label, content, clock()),
  };
}

function grantedSecret(
  core: Core,
  relation: RelationRow,
  unit: UnitRow,
  remoteApp: string,
  label: string,
  content: Readonly<Record<string, string>>,
  now: number,
): string {
  const secret = labelledSecret(core, unit.application, label);
  const values: Bag = {};
  for (const [key, value] of Object.entries(content)) values[key] = Buffer.from(value).toString("base64");
  if (secret.revisions[secret.latest]?.checksum !== contentChecksum(values)) {
    addRevision(secret, values, null, now);
    core.changed();
  }
  addGrant(core, secret, { kind: "application", name: remoteApp, relation: relation.id });
  return `secret://${core.data.uuid}/${secret.id}`;
}

function labelledSecret(core: Core, application: string, label: string) {
  const { secrets } = core.data;
  const found = Object.values(secrets).find((secret) => secret.owner.name === application && secret.label === label);
  if (found !== undefined) return found;
  const id = secretId(core.random(12));
  return (secrets[id] = newSecret(id, { kind: "application", name: application }, label));
}
