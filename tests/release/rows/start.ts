/**
 * What a worker must find at its start, tried beside the unit's own worker in namespaces of the test's own: with or
 * without a default route, `iptables`, free ports.
 */

import { holds, type Row } from "../row.ts";
import type { World } from "../world.ts";

interface Place {
  readonly route?: boolean;
  readonly iptables?: boolean;
  /** A port that somebody listens on. */
  readonly taken?: number;
  /** Further words for the worker. */
  readonly words?: string;
}

const PORTS = [7777, 7788, 8888];

/**
 * Prints `listens` once the worker listens on all its ports, or else how it ended. It finds no gateway, which it tries
 * again and again; `/run` is empty, since containerd's socket has one place for all.
 */
function script({ route = true, iptables = true, taken, words = "" }: Place): string {
  const listener = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => ${taken}, Listen => 9) or die; $| = 1; print "x\\n"; sleep' > "$d/taken" &
until [ -s "$d/taken" ]; do sleep 0.05; done`;
  return `d=$(mktemp -d /var/lib/concourse-release-test.XXXXXX); trap 'rm -rf "$d"' EXIT; export d
unshare --net --mount --pid --fork --kill-child --mount-proc bash <<'INSIDE'
mount -t tmpfs tmpfs /run
ip link set lo up
${route ? "ip link add out0 type veth peer name out1 && ip address add 192.0.2.2/24 dev out0 && ip link set out0 up && ip link set out1 up && ip route add default via 192.0.2.1" : ""}
${taken === undefined ? "" : listener}
set -a; . /etc/concourse/worker.env; set +a
export CONCOURSE_WORK_DIR="$d/work" CONCOURSE_TSA_HOST=127.0.0.1:2222 CONCOURSE_RUNTIME=containerd
${iptables ? "" : "export PATH=/nowhere"}
/opt/concourse/current/bin/concourse worker ${words} > "$d/said" 2>&1 &
pid=$!
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
for _ in $(seq 900); do
  if ! kill -0 $pid 2>/dev/null; then
    wait $pid; echo "exit $?: $(grep -v '^{' "$d/said" | tr '\\n' ' ')"; exit
  fi
  listens=$(ss -Hltn | grep -cE ':(${PORTS.join("|")})\\b')
  ${taken === undefined ? `if [ "$listens" = ${PORTS.length} ]; then echo listens; exit; fi` : ":"}
  sleep 0.1
done
echo "runs on; $listens of ${PORTS.length} ports: $(grep -v '^{' "$d/said" | tail -c 500)"
INSIDE`;
}

async function tried(world: World, place: Place): Promise<string> {
  const [worker] = await world.workerUnits();
  holds(worker !== undefined, "no unit runs a worker");
  return (await world.concourse.inUnit(worker.unit, script(place))).trim();
}

const refused = (id: string, name: string, place: Place, message: string): Row => ({
  id,
  name,
  async run(world) {
    const said = await tried(world, place);
    holds(said.startsWith("exit 1: ") && said.includes(message), said);
    return `\`${message}\``;
  },
});

const NO_ROUTE =
  "error: containerd garden server runner: failed to create CNI network opts: container MTU: Couldn't determine local IP";

export const starts: readonly Row[] = [
  {
    id: "start",
    name: "A worker with a default route, iptables and free ports starts, and listens on 7777, 7788 and 8888",
    async run(world) {
      const said = await tried(world, {});
      holds(said === "listens", said);
      return "it listens";
    },
  },
  refused("start-no-route", "A worker without a default route ends at its start", { route: false }, NO_ROUTE),
  {
    id: "start-mtu",
    name: "With `containerd-mtu` a worker needs no default route",
    async run(world) {
      const said = await tried(world, { route: false, words: "--containerd-mtu=1500" });
      holds(said === "listens", said);
      return "it listens";
    },
  },
  refused(
    "start-no-iptables",
    "A worker without iptables in its PATH ends at its start",
    { iptables: false },
    `failed to initialize iptables: exec: "iptables": executable file not found in $PATH`,
  ),
  ...PORTS.map((port) =>
    refused(
      `start-port-${port}`,
      `A worker whose port ${port} is taken ends at its start`,
      { taken: port },
      `:${port}: bind: address already in use`,
    ),
  ),
];
