/**
 * The environment of a run, exactly. Juju 3.6: internal/worker/uniter/runner/context/{context,env}.go HookVars.
 */
import { randomHex } from "../random.ts";
import type { Core, UnitRow } from "../data.ts";
import type { Operation } from "../../contract.ts";
import { jujuOf } from "../juju-line.ts";
import { modelSetting } from "../model-config.ts";
import { nearEndpoint } from "../scopes.ts";
import type { Task } from "../types.ts";
import type { HookContext } from "./context.ts";

type Environment = Record<string, string>;

/** `<unit>-<hook or action name>-<32 hex>` */
export function newContextId(core: Core, unit: UnitRow, operation: Operation, task: Task | null): string {
  return `${unit.name}-${nameOf(operation, task)}-${randomHex(core, 16)}`;
}

function nameOf(operation: Operation, task: Task | null): string {
  if (operation.kind === "hook") return operation.hook.name;
  if (operation.kind === "action") return operation.name;
  if (operation.kind !== "exec") return operation.kind;
  return task !== null && task.id > 0 ? "juju-exec" : "run-commands";
}

/**
 * PATH is the directory of the hook commands alone: who starts the process appends the tail, and adds TERM and LANG.
 */
export function environmentOf(context: HookContext): Environment {
  return {
    ...always(context),
    ...ofLine(context),
    ...legacyProxies(context),
    ...relationVariables(context),
    ...actionVariables(context),
    ...secretVariables(context),
    ...storageVariables(context),
    ...dispatchPath(context),
  };
}

function always({ core: { data }, unit, hook, place, contextId }: HookContext): Environment {
  return {
    CHARM_DIR: place.charmDirectory,
    JUJU_CHARM_DIR: place.charmDirectory,
    JUJU_CONTEXT_ID: contextId,
    JUJU_HOOK_NAME: hook?.name ?? "",
    JUJU_AGENT_SOCKET_ADDRESS: place.socket.address,
    JUJU_AGENT_SOCKET_NETWORK: place.socket.network,
    JUJU_UNIT_NAME: unit.name,
    JUJU_MODEL_UUID: data.uuid,
    JUJU_MODEL_NAME: data.name,
    JUJU_API_ADDRESSES: place.apiAddresses.join(" "),
    JUJU_MACHINE_ID: unit.machine,
    JUJU_PRINCIPAL_UNIT: "",
    JUJU_AVAILABILITY_ZONE: place.availabilityZone ?? "",
    JUJU_VERSION: jujuOf(data).version,
    CLOUD_API_VERSION: "",
    JUJU_CHARM_HTTP_PROXY: modelSetting(data, "juju-http-proxy"),
    JUJU_CHARM_HTTPS_PROXY: modelSetting(data, "juju-https-proxy"),
    JUJU_CHARM_FTP_PROXY: modelSetting(data, "juju-ftp-proxy"),
    JUJU_CHARM_NO_PROXY: modelSetting(data, "juju-no-proxy"),
    PATH: place.toolsDirectory,
    ...(place.base.startsWith("ubuntu@")
      ? { APT_LISTCHANGES_FRONTEND: "none", DEBIAN_FRONTEND: "noninteractive" }
      : {}),
  };
}

/** Variables that one line of Juju has. */
function ofLine({ core: { data } }: HookContext): Environment {
  const { sla, traceConfig } = jujuOf(data);
  const trace = ["HTTP", "GRPC", "CA_CERT"].map((what) => [`JUJU_CHARM_TRACE_CONFIG_${what}`, ""] as const);
  return { ...(sla === "" ? {} : { JUJU_SLA: sla }), ...(traceConfig ? Object.fromEntries(trace) : {}) };
}

/** The older proxy settings come in both spellings; `no-proxy` says something only beside one of the others. */
function legacyProxies({ core: { data } }: HookContext): Environment {
  const proxies = ["http-proxy", "https-proxy", "ftp-proxy"].filter((key) => modelSetting(data, key) !== "");
  const environment: Environment = {};
  for (const key of proxies.length === 0 ? [] : [...proxies, "no-proxy"]) {
    const name = key.replace("-", "_");
    environment[name] = modelSetting(data, key);
    environment[name.toUpperCase()] = modelSetting(data, key);
  }
  return environment;
}

function relationVariables(context: HookContext): Environment {
  const { relationId, hook } = context;
  const relation = relationId === null ? undefined : context.relations.get(relationId);
  if (relationId === null || relation === undefined) return {};
  const { name } = nearEndpoint(relation.row, context.unit.application);
  return {
    JUJU_RELATION: name,
    JUJU_RELATION_ID: `${name}:${relationId}`,
    JUJU_REMOTE_UNIT: context.remoteUnit,
    JUJU_REMOTE_APP: hook === null ? "" : context.remoteApp,
    ...(hook?.departingUnit === undefined ? {} : { JUJU_DEPARTING_UNIT: hook.departingUnit }),
  };
}

function actionVariables({ task }: HookContext): Environment {
  if (task === null || task.id < 0) return {};
  return { JUJU_ACTION_NAME: task.name, JUJU_ACTION_UUID: String(task.id), JUJU_ACTION_TAG: `action-${task.id}` };
}

function secretVariables({ hook }: HookContext): Environment {
  if (hook?.secretId === undefined) return {};
  const revision = hook.secretRevision;
  return {
    JUJU_SECRET_ID: `secret:${hook.secretId}`,
    JUJU_SECRET_LABEL: hook.secretLabel ?? "",
    ...(revision === undefined ? {} : { JUJU_SECRET_REVISION: String(revision) }),
  };
}

function storageVariables({ hook, unit }: HookContext): Environment {
  const storage = unit.storage.find((candidate) => candidate.id === hook?.storageId);
  if (storage === undefined) return {};
  return {
    JUJU_STORAGE_ID: storage.id,
    JUJU_STORAGE_LOCATION: storage.location,
    JUJU_STORAGE_KIND: storage.kind,
  };
}

function dispatchPath({ operation }: HookContext): Environment {
  if (operation.kind === "hook") return { JUJU_DISPATCH_PATH: `hooks/${operation.hook.name}` };
  return operation.kind === "action" ? { JUJU_DISPATCH_PATH: `actions/${operation.name}` } : {};
}
