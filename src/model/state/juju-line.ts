/**
 * The two lines of Juju that a model can play, and where a charm can tell one from the other. Seen on a 4.0.15 controller
 * beside the code of 3.6.28, except where a source is named.
 */
import { UserError } from "../../errors.ts";
import type { ModelData } from "./data.ts";

export interface JujuLine {
  /** Of every agent. */
  readonly version: string;
  /** Hook commands that the other line has and this one does not. */
  readonly without: readonly string[];
  /** Units that do not lead run `leader-settings-changed`. */
  readonly leaderSettings: boolean;
  /** Unit bags hold `private-address`. */
  readonly privateAddress: boolean;
  /** JUJU_SLA and the column SLA of `status`; "" = there are none. */
  readonly sla: string;
  /** JUJU_CHARM_TRACE_CONFIG_* are always set. */
  readonly traceConfig: boolean;
  /** One `juju config` runs `config-changed` so often. */
  readonly configChanged: 1 | 2;
  /** `secret-info-get` names a rotation that was never given: `never`. */
  readonly neverRotates: boolean;
  /** An action takes a map for a parameter of type `object`. */
  readonly mapParameters: boolean;
  /** A new unit has a version of the application, the empty one, which replaces what was told before. */
  readonly emptyVersions: boolean;
}

const LINES = {
  "3.6": {
    version: "3.6.28",
    without: [],
    leaderSettings: true,
    privateAddress: true,
    sla: "unsupported",
    traceConfig: false,
    configChanged: 1,
    neverRotates: true,
    mapParameters: true,
    emptyVersions: false,
  },
  "4.0": {
    version: "4.0.15",
    without: ["leader-get", "leader-set"],
    leaderSettings: false,
    privateAddress: false,
    sla: "",
    traceConfig: true,
    configChanged: 2,
    neverRotates: false,
    mapParameters: false,
    emptyVersions: true,
  },
} as const satisfies Readonly<Record<string, JujuLine>>;

export type JujuLineName = keyof typeof LINES;

export const JUJU_LINES = Object.keys(LINES) as readonly JujuLineName[];
export const DEFAULT_LINE: JujuLineName = "3.6";

/** What the model's Juju does. */
export const jujuOf = ({ juju }: Pick<ModelData, "juju">): JujuLine => LINES[juju ?? DEFAULT_LINE];

/**
 * `4.0`, or the very version that is played, `4.0.15` → `4.0`; "" is the usual one.
 *
 * @throws UserError for a Juju that no model plays
 */
export function lineNamed(version: string): JujuLineName {
  if (version === "") return DEFAULT_LINE;
  const named = JUJU_LINES.find((line) => version === line || version === LINES[line].version);
  if (named === undefined)
    throw new UserError(`there is no Juju ${version} to play`, `Give --agent-version ${JUJU_LINES.join(" or ")}`);
  return named;
}
