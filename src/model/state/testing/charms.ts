/** For tests: charms of a few lines. */
import { parseCharm, type CharmInfo } from "../model.ts";

const MANIFEST = "bases: [{name: ubuntu, channel: '22.04'}, {name: ubuntu, channel: '24.04', architectures: [amd64]}]";

export function charm(metadata: string, more: Readonly<Record<string, string>> = {}): CharmInfo {
  const files = { dispatch: "", "metadata.yaml": metadata, "manifest.yaml": MANIFEST, ...more };
  return parseCharm(files);
}

/** The charm of the contract's worked traces. */
export const NOTES = `
name: notes
summary: Notes
description: Notes
peers: {cluster: {interface: notes_cluster}}
requires: {db: {interface: postgresql_client, limit: 1}}
provides: {site: {interface: http}}
extra-bindings: {public: null}
resources: {image: {type: file, filename: image.tgz, description: an image}}
`;
export const STORAGE = `
storage: {data: {type: filesystem, location: /srv/data}}
`;

const CONFIG = `
options:
  size: {type: int, default: 3, description: how many}
  title: {type: string, description: what it is called}
  mode: {type: string, default: "", description: how}
  ratio: {type: float, default: 0.5, description: how much}
  loud: {type: boolean, default: false, description: whether}
`;

const ACTIONS = `
backup:
  description: Save it
  params:
    target: {type: string, default: /tmp, description: where}
    level: {type: integer, minimum: 1, maximum: 9}
    deep: {type: object, properties: {inner: {type: string, default: x}}}
  required: [level]
  additionalProperties: false
watch: {description: Look, parallel: true}
`;

export const notes = charm(NOTES, { "config.yaml": CONFIG, "actions.yaml": ACTIONS });
export const notesWithStorage = charm(NOTES + STORAGE, { "config.yaml": CONFIG });

export const pg = charm(`
name: pg
summary: A database
description: A database
peers: {replicas: {interface: pg_peers}}
provides: {db: {interface: postgresql_client}}
`);
export const pgAlone = charm(`
name: pg
summary: A database
description: A database
provides: {db: {interface: postgresql_client}}
`);
