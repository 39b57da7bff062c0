/**
 * Where local units run. One interface, three kinds: `namespaces`, and containers of `incus` and `lxd`.
 * The model talks to these types only.
 */

/** A directory of the host that a machine sees at `path`. */
export interface Disk {
  readonly name: string;
  readonly source: string;
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * What machines reach besides each other and the servers of the model. `inside`: nothing. `outside`: whatever the host
 * reaches, but for the host itself, link-local addresses and other models. `host`: addresses of the host, too.
 */
export type Reach = "inside" | "outside" | "host";

export interface NetworkSpec {
  /** Short id of the model, unique on this host: names of namespaces and links are made from it. */
  readonly model: string;
  readonly reach: Reach;
}

/** The model's own network: a bridge with an address of ours, reachable from every machine. */
export interface Network {
  readonly reach: Reach;
  /** Address of the host side inside the network, e.g. `10.87.3.1`; servers of the model listen there. */
  readonly address: string;
  readonly cidr: string;
  /** Words to put before a command so that it runs inside the network (`nsenter --net=…`). */
  readonly enter: readonly string[];
}

export interface MachineSpec {
  readonly model: string;
  /** Juju's machine number. */
  readonly id: string;
  readonly hostname: string;
  /** What it boots, as {@link MachineKind.image} named it. */
  readonly image: string;
  /** Directory for everything the machine keeps over a reboot; on a real file system (not overlay). */
  readonly directory: string;
  readonly disks: readonly Disk[];
}

export interface Machine {
  readonly id: string;
  readonly address: string;
  readonly instanceId: string;
  /** Boots it; resolves when its init answers to `command`. Idempotent. */
  start(): Promise<void>;
  /** Resolves when systemd says `running` or `degraded`; rejects if the machine stops meanwhile. */
  booted(): Promise<void>;
  running(): Promise<boolean>;
  /** `shutdown`: as an operator would; `kill`: the power cord. Waits until no process is left. */
  stop(how: "shutdown" | "kill"): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  attach(disk: Disk): Promise<void>;
  detach(name: string): Promise<void>;
  /**
   * The argv, on the host, that runs `argv` inside the machine with exactly `environment`, as root, in `cwd`; standard
   * streams and exit code pass through. The caller spawns it.
   */
  command(argv: readonly string[], environment: Readonly<Record<string, string>>, cwd: string): string[];
  /** Stops it and removes everything it left on the host. Idempotent. */
  destroy(): Promise<void>;
}

/** Something that is done to the host once it has been said. */
export interface Step {
  /** `Start Incus, …`: the beginning of a sentence. */
  readonly what: string;
  run(): Promise<void>;
}

export interface MachineKind {
  readonly name: "namespaces" | "incus" | "lxd";
  /** Whether this host has it at hand: then it is taken where no kind is named. */
  present(): Promise<boolean>;
  /** What is missing on this host, one line each, with the command to run at its end; empty when it can be used. */
  missing(): Promise<string[]>;
  /** What makes the host ready; empty when it is. `wanted` as for {@link image}. */
  prepare(wanted: string): Promise<Step[]>;
  /** What takes that back, and nothing else. @throws UserError while machines are left. */
  clean(): Promise<Step[]>;
  /**
   * Provides what machines boot: "" for the kind's own, else `remote:alias` of an image elsewhere. Returns its name for
   * {@link MachineSpec.image}; `say` is told what takes long. @throws UserError if it cannot be had.
   */
  image(wanted: string, say: (line: string) => void): Promise<string>;
  /** Also changes the reach of one that is there. @throws UserError if the host cannot have that. */
  createNetwork(spec: NetworkSpec): Promise<Network>;
  destroyNetwork(model: string): Promise<void>;
  /** A handle; creates nothing yet. The same spec gives the same machine again after a restart of the supervisor. */
  machine(spec: MachineSpec, network: Network): Promise<Machine>;
  /** Everything of this kind that carries this model's mark on the host (for `down` after a crash): removes it. */
  sweep(model: string): Promise<void>;
}
