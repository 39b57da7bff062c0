/** Which base an application runs on. Juju 3.6: core/charm/baseselector.go. */
import { UserError } from "../../errors.ts";
import type { ModelData } from "./data.ts";
import { modelSetting } from "./model-config.ts";
import type { CharmInfo } from "./types.ts";

/** Juju 3.6's default LTS. */
const DEFAULT_BASE = "ubuntu@24.04";

/** `--base`; else the model's; else the default LTS if the charm has it; else the charm's first. */
export function chooseBase(data: ModelData, charm: CharmInfo, asked: string | undefined): string {
  const supported = charm.bases.map((base) => `${base.name}@${base.channel.split("/")[0]}`);
  const wanted = asked ?? modelSetting(data, "default-base");
  if (wanted === "") {
    const first = supported.includes(DEFAULT_BASE) ? DEFAULT_BASE : supported[0];
    if (first === undefined) throw new UserError("charm does not define any bases");
    return first;
  }
  const [base = ""] = wanted.split("/");
  if (supported.length > 0 && !supported.includes(base)) {
    throw new UserError(`base "${base}" is not supported, supported bases are: ${supported.join(", ")}`);
  }
  return base;
}
