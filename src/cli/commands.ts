/** The commands there are: what each does in a few words, and where its program is. */

export interface CommandEntry {
  readonly summary: string;
  readonly group: "Concourse" | "Juju's verbs" | "Models" | "Beyond Juju";
  readonly load: () => Promise<{ default: object }>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  up: {
    summary: "Bring up Concourse: charm, units, PostgreSQL, one shared directory",
    group: "Concourse",
    load: () => import("./commands/up.ts"),
  },
  down: {
    summary: "Remove a model and everything it has on this host",
    group: "Concourse",
    load: () => import("./commands/down.ts"),
  },
  verify: {
    summary: "Replay a deployment in a model of its own, check it, write a report",
    group: "Concourse",
    load: () => import("./commands/verify.ts"),
  },
  deploy: {
    summary: "Deploy a charm file, or postgresql",
    group: "Juju's verbs",
    load: () => import("./commands/deploy.ts"),
  },
  "add-unit": {
    summary: "Add units to an application",
    group: "Juju's verbs",
    load: () => import("./commands/add-unit.ts"),
  },
  "remove-unit": { summary: "Remove units", group: "Juju's verbs", load: () => import("./commands/remove-unit.ts") },
  "remove-application": {
    summary: "Remove applications",
    group: "Juju's verbs",
    load: () => import("./commands/remove-application.ts"),
  },
  integrate: {
    summary: "Relate two applications",
    group: "Juju's verbs",
    load: () => import("./commands/integrate.ts"),
  },
  "remove-relation": {
    summary: "End a relation",
    group: "Juju's verbs",
    load: () => import("./commands/remove-relation.ts"),
  },
  config: {
    summary: "Show or change an application's options",
    group: "Juju's verbs",
    load: () => import("./commands/config.ts"),
  },
  "model-config": {
    summary: "Show or change the model's options",
    group: "Juju's verbs",
    load: () => import("./commands/model-config.ts"),
  },
  run: { summary: "Run an action on units", group: "Juju's verbs", load: () => import("./commands/run.ts") },
  exec: { summary: "Run commands on units", group: "Juju's verbs", load: () => import("./commands/exec.ts") },
  "show-task": {
    summary: "Show a task's result",
    group: "Juju's verbs",
    load: () => import("./commands/show-task.ts"),
  },
  status: { summary: "Show the model", group: "Juju's verbs", load: () => import("./commands/status.ts") },
  "show-status-log": {
    summary: "Show what an entity has shown in status",
    group: "Juju's verbs",
    load: () => import("./commands/show-status-log.ts"),
  },
  "debug-log": {
    summary: "Show the model's log",
    group: "Juju's verbs",
    load: () => import("./commands/debug-log.ts"),
  },
  resolved: {
    summary: "Retry or skip failed hooks",
    group: "Juju's verbs",
    load: () => import("./commands/resolved.ts"),
  },
  expose: {
    summary: "Open an application's ports on 127.0.0.1",
    group: "Juju's verbs",
    load: () => import("./commands/expose.ts"),
  },
  unexpose: { summary: "Close them again", group: "Juju's verbs", load: () => import("./commands/unexpose.ts") },
  "attach-resource": {
    summary: "Replace a resource's file",
    group: "Juju's verbs",
    load: () => import("./commands/attach-resource.ts"),
  },
  refresh: {
    summary: "Upgrade an application's charm",
    group: "Juju's verbs",
    load: () => import("./commands/refresh.ts"),
  },
  models: { summary: "List the models of this host", group: "Models", load: () => import("./commands/models.ts") },
  "add-model": { summary: "Make an empty model", group: "Models", load: () => import("./commands/add-model.ts") },
  switch: {
    summary: "Choose the model that commands mean",
    group: "Models",
    load: () => import("./commands/switch.ts"),
  },
  machine: {
    summary: "Reboot, stop, kill, start, freeze or thaw a machine",
    group: "Beyond Juju",
    load: () => import("./commands/machine.ts"),
  },
  machines: {
    summary: "Make this host ready for Incus, LXD or namespaces, or take that back",
    group: "Beyond Juju",
    load: () => import("./commands/machines.ts"),
  },
  disk: {
    summary: "Attach host directories to all units of an application",
    group: "Beyond Juju",
    load: () => import("./commands/disk.ts"),
  },
  storage: {
    summary: "The directory that units share: attach it, detach it, look at it; on Juju and locally",
    group: "Beyond Juju",
    load: () => import("./commands/storage.ts"),
  },
  mirror: {
    summary: "The model's release mirror: status, throttle, faults",
    group: "Beyond Juju",
    load: () => import("./commands/mirror.ts"),
  },
};
