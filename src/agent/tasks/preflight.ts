/** Looks at what builds need of the machine, before a worker starts and while it runs, and installs what apt has. */
import { WORKER_SERVICE } from "../../concourse/services.ts";
import type { Preflight, SourceOrders } from "../contract.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

/** Space goes, and what a host gives changes. */
const REST_MS = 300_000;
/** Once is none: as a worker ends, its ports may be nobody's for a moment. */
const ONCE_MORE_MS = 1_000;
/** Somebody may be putting it right. */
const LACKING_MS = 10_000;
const INSTALL_AGAIN_MS = 3_600_000;
const INSTALL_TIMEOUT_MS = 600_000;

/** Packages for what is missing. */
const PACKAGES: Readonly<Record<string, string>> = { "no-iptables": "iptables" };

interface Needs {
  /** A worker begins or ends: what it needs is looked at once more. */
  readonly pid: number;
}

export function preflightTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  /** By package. What apt refused once it refuses again: no storm of tries. */
  const triedAt = new Map<string, number>();

  function toInstall({ lacks }: Preflight): string | null {
    const now = ports.clock.steady();
    const names = lacks.flatMap(({ name }) => PACKAGES[name] ?? []);
    return names.find((name) => now - (triedAt.get(name) ?? Number.NEGATIVE_INFINITY) >= INSTALL_AGAIN_MS) ?? null;
  }

  return {
    name: "preflight",
    rest: { preflight: null },
    needs: ({ worker }, { services }) => (worker ? { pid: services[WORKER_SERVICE]?.mainPid ?? 0 } : null),
    begin: ({ pid }) => {
      let doubted = false;
      return async (io) => {
        const found = await ports.preflight();
        const known = new Set(world.findings().preflight?.lacks.map(({ name }) => name));
        doubted = !doubted && found.lacks.some(({ name, stops }) => stops !== "some" && !known.has(name));
        if (doubted) return ONCE_MORE_MS;
        const installing = toInstall(found);
        io.report({ preflight: { ...found, installing } });
        const isFine = pid > 0 && found.lacks.every(({ stops }) => stops === "some");
        if (installing === null) return isFine ? REST_MS : LACKING_MS;
        triedAt.set(installing, ports.clock.steady());
        const { code, stderr } = await ports.exec.run(installCommand(installing, world.orders().source), {
          timeout: INSTALL_TIMEOUT_MS,
        });
        if (code !== 0) ports.log(`apt-get install ${installing} ended with ${code}: ${stderr.trim().slice(-200)}`);
        return 0;
      };
    },
  };
}

/** By the model's proxy, and behind whatever apt is at just now. */
export function installCommand(name: string, { httpProxy, httpsProxy, noProxy }: SourceOrders): string[] {
  const proxies = Object.entries({ http_proxy: httpProxy, https_proxy: httpsProxy, no_proxy: noProxy });
  const apt = "apt-get -qq -o DPkg::Lock::Timeout=120";
  return [
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    ...proxies.flatMap(([key, value]) => (value ? [`${key}=${value}`] : [])),
    "sh",
    "-c",
    `${apt} update; ${apt} install --yes --no-install-recommends ${name}`,
  ];
}
