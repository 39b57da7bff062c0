/** What a charm says of itself. */

export type Role = "provides" | "requires" | "peer";
export type OptionType = "string" | "int" | "float" | "boolean" | "secret";
export type ConfigValue = string | number | boolean;

export interface Endpoint {
  readonly role: Role;
  readonly interface: string;
  /** Most relations the endpoint takes; 0 = any number. */
  readonly limit: number;
}

export interface CharmOption {
  readonly type: OptionType;
  readonly default?: ConfigValue;
  readonly description: string;
}

export interface CharmAction {
  readonly description: string;
  readonly parallel: boolean;
  /** Name of the lock the action takes in place of the machine's; "" = the machine's. */
  readonly executionGroup: string;
  /** JSON schema of the parameters: `{type: "object", properties, required?, additionalProperties?}`. */
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface CharmStorage {
  readonly type: "filesystem" | "block";
  /** Instances a unit gets at deployment. */
  readonly minimum: number;
  /** Most instances of a unit; -1 = any number. */
  readonly maximum: number;
  readonly location: string;
}

export interface CharmBase {
  readonly name: string;
  /** `24.04/stable` */
  readonly channel: string;
  readonly architectures: readonly string[];
}

/** What was read from a charm's artefact, or from a plug-in's descriptor. */
export interface CharmInfo {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly extraBindings: readonly string[];
  readonly options: Readonly<Record<string, CharmOption>>;
  readonly actions: Readonly<Record<string, CharmAction>>;
  /** Resource name → the file name it gets in the unit. */
  readonly resources: Readonly<Record<string, { readonly filename: string; readonly description: string }>>;
  readonly storage: Readonly<Record<string, CharmStorage>>;
  readonly bases: readonly CharmBase[];
  /** `lxd-profile.yaml`, or null. */
  readonly profile: Readonly<Record<string, unknown>> | null;
  /** First line of the file `version`; "" = none. */
  readonly version: string;
  /** SHA-256 of the archive in hex, and its path on the host: filled in by who read it; "" for a plug-in. */
  readonly sha256: string;
  readonly path: string;
  /** Charmhub channel that a plug-in plays; null for a charm from a file. */
  readonly channel: string | null;
}
