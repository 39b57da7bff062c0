/** Watches systemd units: asks systemd when something has happened, and looks at their processes in between. */
import { isDeepStrictEqual } from "node:util";
import { causeOfEnd } from "../../concourse/log.ts";
import type { ServiceState } from "../contract.ts";
import { Fault } from "../fault.ts";
import type { Task } from "../runner.ts";
import { RecentRestarts } from "../recent-restarts.ts";
import type { TaskWorld } from "../world.ts";

/** A process that is gone is noticed after this. */
const LOOK_MS = 1_000;
/** Asking costs a process; it is only repeated for what no sign tells of. */
const ASK_AGAIN_MS = 60_000;
/** Characters of a cause: a status is one line. */
const SHOWN = 60;
/** systemd makes and removes `invocation:<unit>` here as a unit starts and ends (systemd 249, src/core/unit.c). */
const SIGNS = "/run/systemd/units";

export function servicesTask(world: TaskWorld): Task<readonly string[]> {
  const { ports } = world;
  const { clock } = ports;
  const recent = new RecentRestarts();
  /** By service: how often it had ended when its journal was read, and what that said. */
  const causes = new Map<string, { readonly count: number; readonly cause: string | null }>();

  async function withRecent(name: string, state: ServiceState): Promise<ServiceState> {
    const count = recent.count(name, state.restarts, clock.steady());
    if (count === 0) return state;
    if (causes.get(name)?.count !== count) causes.set(name, { count, cause: await causeOf(world, name) });
    const cause = causes.get(name)?.cause;
    return { ...state, recent: count, ...(cause ? { cause } : {}) };
  }

  return {
    name: "services",
    rest: { services: {} },
    needs: ({ services }) => (services.length === 0 ? null : services),
    begin: (names) => {
      let services: Readonly<Record<string, ServiceState>> = {};
      let askedAt = Number.NEGATIVE_INFINITY;
      let sign = new AbortController();
      let unwatch: (() => void) | null = null;
      let told: typeof services | null = null;
      const signs = new Set(names.map((name) => `invocation:${name}`));

      return async (io) => {
        if (unwatch === null) {
          unwatch = ports.watch(SIGNS, (name) => {
            if (signs.has(name)) sign.abort();
          });
          io.signal.addEventListener("abort", () => {
            unwatch?.();
            sign.abort();
          });
        }
        const signalled = sign.signal.aborted;
        if (signalled) sign = new AbortController();
        if (signalled || clock.steady() - askedAt >= ASK_AGAIN_MS || (await hasMoved(world, services))) {
          services = await ask(world, names);
          askedAt = clock.steady();
        }
        const counted: Record<string, ServiceState> = {};
        for (const [name, state] of Object.entries(services)) counted[name] = await withRecent(name, state);
        if (!isDeepStrictEqual(counted, told)) {
          told = counted;
          io.report({ services: counted });
        }
        if (!io.signal.aborted) await clock.sleep(LOOK_MS, sign.signal);
        return 0;
      };
    },
  };
}

/** Why the service ended last, by its journal. */
async function causeOf({ ports }: TaskWorld, name: string): Promise<string | null> {
  const argv = ["journalctl", "--unit", name, "--output", "cat", "--lines", "200", "--since", "-2min"];
  const { stdout } = await ports.exec.run(argv, { timeout: 10_000 });
  return causeOfEnd(stdout)?.slice(0, SHOWN) ?? null;
}

/** A unit on its way from one state to another, or one whose main process is gone. */
async function hasMoved({ ports }: TaskWorld, services: Readonly<Record<string, ServiceState>>): Promise<boolean> {
  for (const { active, mainPid } of Object.values(services)) {
    if (active.endsWith("ing")) return true;
    if (mainPid > 0 && !(await isAlive(ports.fs, mainPid))) return true;
  }
  return false;
}

async function isAlive(fs: TaskWorld["ports"]["fs"], pid: number): Promise<boolean> {
  try {
    await (await fs.openDirectory(`/proc/${pid}`)).close();
    return true;
  } catch {
    return false;
  }
}

async function ask({ ports }: TaskWorld, names: readonly string[]): Promise<Record<string, ServiceState>> {
  const argv = ["systemctl", "show", "--property=Id,ActiveState,MainPID,NRestarts", "--", ...names];
  const { code, stdout } = await ports.exec.run(argv, { timeout: 10_000 });
  if (code !== 0) {
    const message = "systemd does not answer: see systemctl status in the unit";
    throw new Fault({ code: "systemd", message, blocked: false });
  }
  return parseUnits(stdout);
}

/** Blocks of `Key=value` lines, one block a unit, as `systemctl show` prints them; by unit name. */
export function parseUnits(text: string): Record<string, ServiceState> {
  const units = text
    .split(/\n\n+/)
    .map((block) => new Map(block.split("\n").map((line) => splitOnce(line))))
    .filter((unit) => unit.has("Id"))
    .map((unit): [string, ServiceState] => [
      unit.get("Id") ?? "",
      {
        active: unit.get("ActiveState") ?? "unknown",
        mainPid: Number(unit.get("MainPID") ?? 0),
        restarts: Number(unit.get("NRestarts") ?? 0),
      },
    ]);
  return Object.fromEntries(units.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf("=");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
