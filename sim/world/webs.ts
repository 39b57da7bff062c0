/** The webs of the units, as far as their agents ask them. */
import { WEB_SERVICE, WORKER_SERVICE } from "../../src/concourse/services.ts";
import { FILES } from "../../src/concourse/settings.ts";
import type { HttpRequest } from "../../src/ports.ts";
import { failure } from "./network.ts";
import type { Life } from "./scheduler.ts";
import type { SimUnit } from "./unit.ts";
import type { World } from "./world.ts";

/** The body of an answer; throws what a connection there throws. */
export function askWeb(world: World, host: string, asker: Life, request: HttpRequest): string {
  const [address = ""] = host.split(":");
  const unit = world.units.find(({ juju, agent }) =>
    address === "127.0.0.1" ? agent?.life === asker : juju.address === address,
  );
  if (unit === undefined || !unit.up) throw failure("ETIMEDOUT");
  const service = unit.services.get(WEB_SERVICE);
  if (service.pid === 0 || world.scheduler.steady < service.listensAt) throw failure("ECONNREFUSED");
  const { pathname } = new URL(request.url);
  if (pathname === "/api/v1/info") return JSON.stringify({ version: service.release?.split("-")[0] });
  if (pathname === "/sky/issuer/token") return JSON.stringify({ access_token: "token" });
  return JSON.stringify(workersOf(world, unit));
}

/** Workers that one of the application's webs has let in: they share a database. */
function workersOf(world: World, web: SimUnit): unknown[] {
  const webs = world
    .living()
    .filter(({ juju, services }) => juju.application === web.juju.application && services.get(WEB_SERVICE).pid > 0);
  const keys = webs.map(({ memory }) => memory.files.get(FILES.authorizedKeys) ?? "").join("");
  return world.living().flatMap((unit) => {
    const service = unit.services.get(WORKER_SERVICE);
    const key = unit.publicKey();
    const isUp = service.pid > 0 && world.scheduler.steady >= service.listensAt && unit.up;
    const welcome = isUp && key !== null && keys.includes(key);
    return welcome ? [{ name: unit.member, state: "running", version: "2.5", start_time: service.since }] : [];
  });
}
