/** What the model shows of itself. Times are milliseconds since 1970. */

export interface StatusValue {
  readonly current: string;
  readonly message: string;
  readonly since: number;
}

export interface UnitStatus {
  readonly workload: StatusValue;
  readonly agent: StatusValue & { readonly version: string };
  readonly life: "alive" | "dying";
  readonly leader: boolean;
  readonly machine: string;
  /** `80/tcp`, `8000-8010/udp`, `icmp`: sorted by protocol, then port. */
  readonly ports: readonly string[];
  readonly address: string;
}

export interface ApplicationStatus {
  /** Charm name for Charmhub, URL (`local:app-3`) otherwise. */
  readonly charm: string;
  readonly charmName: string;
  readonly charmOrigin: "local" | "charmhub";
  readonly charmRevision: number;
  readonly charmChannel: string;
  readonly charmVersion: string;
  readonly charmProfile: string;
  readonly base: { readonly name: string; readonly channel: string };
  readonly exposed: boolean;
  readonly life: "alive" | "dying";
  readonly status: StatusValue;
  /** What `application-version-set` said last. */
  readonly version: string;
  readonly relations: Readonly<
    Record<string, readonly { readonly application: string; readonly interface: string; readonly scope: "global" }[]>
  >;
  readonly endpointBindings: Readonly<Record<string, string>>;
  readonly units: Readonly<Record<string, UnitStatus>>;
}

export interface MachineStatus {
  /** Juju's agent on the machine. */
  readonly agent: StatusValue & { readonly version: string };
  /** The instance: `Running`, `Frozen`, `Stopped`, `Creating container`. */
  readonly instance: StatusValue;
  readonly hostname: string;
  readonly address: string;
  readonly instanceId: string;
  readonly base: { readonly name: string; readonly channel: string };
}

export interface RelationStatus {
  readonly id: number;
  /** `app:endpoint` */
  readonly provider: string;
  readonly requirer: string;
  readonly interface: string;
  readonly type: "regular" | "peer";
  readonly status: "joining" | "joined";
}

export interface StorageStatus {
  readonly id: string;
  readonly unit: string;
  readonly kind: "filesystem" | "block";
  readonly location: string;
  readonly status: "pending" | "attached" | "detaching";
}

/** Everything `juju status` prints, unrendered. Keys of maps are in natural order (`a/2` before `a/10`). */
export interface StatusData {
  readonly now: number;
  readonly model: {
    readonly name: string;
    readonly uuid: string;
    readonly type: "iaas";
    readonly controller: string;
    readonly cloud: string;
    readonly region: string;
    readonly version: string;
    readonly sla: string;
    readonly status: StatusValue;
  };
  readonly applications: Readonly<Record<string, ApplicationStatus>>;
  readonly machines: Readonly<Record<string, MachineStatus>>;
  readonly relations: readonly RelationStatus[];
  readonly storage: readonly StorageStatus[];
}
