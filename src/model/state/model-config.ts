/** The model's own settings, as far as they reach units. Juju 3.6: environs/config/config.go. */
import { UserError } from "../../errors.ts";
import type { Core, ModelData } from "./data.ts";
import { fraction } from "./random.ts";
import { parseGoBool } from "./settings.ts";

const MINUTE = 60_000;

const DEFAULTS: Readonly<Record<string, string>> = {
  "automatically-retry-hooks": "true",
  "default-base": "",
  "ftp-proxy": "",
  "http-proxy": "",
  "https-proxy": "",
  "juju-ftp-proxy": "",
  "juju-http-proxy": "",
  "juju-https-proxy": "",
  "juju-no-proxy": "127.0.0.1,localhost,::1",
  "logging-config": "<root>=INFO",
  "no-proxy": "127.0.0.1,localhost,::1",
  "update-status-hook-interval": "5m",
};

export function modelConfig(data: ModelData): Record<string, string> {
  return { ...DEFAULTS, ...data.config };
}

export function modelSetting(data: ModelData, key: string): string {
  return data.config[key] ?? DEFAULTS[key] ?? "";
}

export function setModelConfig(core: Core, values: Readonly<Record<string, string>>, now: number): void {
  for (const [key, value] of Object.entries(values)) validate(core.data, key, value);
  for (const [key, value] of Object.entries(values)) {
    if (core.data.config[key] === value) continue;
    core.data.config[key] = value;
    core.changed();
  }
  if ("update-status-hook-interval" in values) rearmUpdateStatus(core, now);
}

export function resetModelConfig(core: Core, keys: readonly string[], now: number): void {
  for (const key of keys) requireKnown(core.data, key);
  for (const key of keys) {
    if (!(key in core.data.config)) continue;
    delete core.data.config[key];
    core.changed();
  }
  if (keys.includes("update-status-hook-interval")) rearmUpdateStatus(core, now);
}

function requireKnown(data: ModelData, key: string): void {
  if (!(key in DEFAULTS)) throw new UserError(`key "${key}" not found in "${data.name}" model`);
}

function validate(data: ModelData, key: string, value: string): void {
  requireKnown(data, key);
  if (key === "automatically-retry-hooks" && parseGoBool(value) === undefined) {
    throw new UserError(`automatically-retry-hooks: expected bool, got string("${value}")`);
  }
  if (key === "update-status-hook-interval") validateInterval(value);
}

function validateInterval(value: string): void {
  const interval = parseGoDuration(value);
  if (interval === undefined) {
    throw new UserError(
      `invalid update status hook interval in model configuration: time: invalid duration "${value}"`,
    );
  }
  if (interval < MINUTE) throw new UserError(`update status hook frequency ${value} cannot be less than 1m`);
  if (interval > 60 * MINUTE) throw new UserError(`update status hook frequency ${value} cannot be greater than 60m`);
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: MINUTE,
  h: 60 * MINUTE,
};

/** Go's time.ParseDuration, in milliseconds; undefined = not a duration. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return text === "0" ? 0 : undefined;
  let total = 0;
  for (const [, amount, unit] of (match[2] ?? "").matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNITS[unit ?? ""] ?? 0);
  }
  return match[1] === "-" ? -total : total;
}

export function retriesHooks(data: ModelData): boolean {
  return parseGoBool(modelSetting(data, "automatically-retry-hooks")) ?? true;
}

/** Each wait is random within ±20 % (Juju 3.6, internal/worker/uniter/timer.go). */
export function updateStatusWait(core: Core): number {
  const interval = parseGoDuration(modelSetting(core.data, "update-status-hook-interval")) ?? 5 * MINUTE;
  return Math.round(interval * (0.8 + 0.4 * fraction(core)));
}

function rearmUpdateStatus(core: Core, now: number): void {
  for (const unit of Object.values(core.data.units)) {
    if (unit.agent.updateStatus !== null) unit.agent.updateStatus.due = now + updateStatusWait(core);
  }
}
