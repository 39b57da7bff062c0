/** storage-add, storage-list, storage-get. Juju 3.6: uniter/runner/jujuc/storage-*.go. */
import { asBytes } from "../names.ts";
import { type FlagSpec, UsageError } from "./flags.ts";
import { ALL_FORMATS, type Tool, ToolError } from "./tool.ts";

const storageAdd: Tool = {
  name: "storage-add",
  usage: "<charm storage name>[=count] ...",
  purpose: "Add storage instances.",
  run(call) {
    if (call.args.length === 0) throw new UsageError("storage add requires a storage directive");
    const adds = call.args.map((argument) => {
      const [name = "", count] = argument.split("=");
      if (count !== undefined && !/^[1-9]\d*$/.test(count))
        throw new UsageError(`only count can be specified for "${name}"`);
      return { name, count: Number(count ?? 1) };
    });
    call.context.storageAdds.push(...adds);
  },
};

const storageList: Tool = {
  name: "storage-list",
  usage: "[<storage-name>]",
  purpose: "List storage attached to the unit.",
  formats: ALL_FORMATS,
  run(call) {
    call.atMost(1);
    const [name] = call.args;
    const attached = call.context.unit.storage.filter((storage) => name === undefined || storage.name === name);
    return { value: attached.map((storage) => storage.id).toSorted(asBytes) };
  },
};

const STORAGE_FLAG: FlagSpec = {
  names: ["s"],
  kind: "text",
  help: "Specify a storage instance by id",
  check(value, { unit }) {
    if (!/^[a-z][a-z0-9-]*\/\d+$/.test(value)) throw new Error(`invalid storage ID "${value}"`);
    if (unit.storage.some((storage) => storage.id === value)) return;
    throw new Error(`storage attachment ${value}:${unit.name} not found`);
  },
};

const storageGet: Tool = {
  name: "storage-get",
  usage: "[<key>]",
  purpose: "Print information for the storage instance with the specified ID.",
  formats: ALL_FORMATS,
  flags: [STORAGE_FLAG],
  run(call) {
    const id = call.text("s") ?? call.context.hook?.storageId;
    const storage = call.context.unit.storage.find((candidate) => candidate.id === id);
    if (storage === undefined) throw new UsageError("no storage instance specified");
    const [key] = call.args;
    call.atMost(1);
    const values: Record<string, string> = { kind: storage.kind, location: storage.location };
    if (key === undefined) return { value: values };
    if (values[key] === undefined) throw new ToolError(`invalid storage attribute "${key}"`);
    return { value: values[key] };
  },
};

export const STORAGE_TOOLS: readonly Tool[] = [storageAdd, storageList, storageGet];
