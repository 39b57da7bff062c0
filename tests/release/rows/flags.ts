/**
 * Which settings the flags of the two programs take. Without the flags that are required a program ends once it has read
 * those that are given: by the message one sees whether they were good.
 */

import { webSettings, workerSettings } from "../../../src/concourse/settings.ts";
import { gte } from "semver";
import { holds, type Row } from "../row.ts";
import type { World } from "../world.ts";

const ACCEPTED = /^error: the required flags? /;

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** What `concourse` says to each, in one call: all that it prints, without line ends. */
async function answers(world: World, cases: readonly (readonly string[])[]): Promise<string[]> {
  const { web } = await world.concourse.roles();
  const lines = cases.map((words) => {
    const command = `timeout 20 env -i /opt/concourse/current/bin/concourse ${words.map(quote).join(" ")}`;
    return `${command} 2>&1 | tr '\\n' ' '; echo`;
  });
  return (await world.concourse.inUnit(web, lines.join("\n"))).trim().split("\n");
}

/** Of `external-url`; a value of Go's `url.Parse` with a scheme and a host (concourse/concourse, flag/url.go). */
const URLS: readonly (readonly [url: string, problem: string | null])[] = [
  ["http://ci.example.com", null],
  ["https://ci.example.com:8443/", null],
  ["https://ci.example.com/path", null],
  ["https://user:pw@ci.example.com", null],
  ["https://ci.example.com/?x=1#frag", null],
  ["http://[fd00::5]:8080", null],
  ["ci.example.com", "missing scheme in"],
  ["http:ci.example.com", "missing scheme in"],
  ["https:/ci.example.com", "missing scheme in"],
  ["https:ci.example.com:8443", "missing scheme in"],
  ["https:///ci", "missing scheme in"],
  ["", "missing scheme in"],
  ["://ci.example.com", "missing protocol scheme"],
  ["ci.example.com:8080/x", "missing scheme in"],
  ["10.0.0.1:8080", "first path segment in URL cannot contain colon"],
  ["http://ci.example.com/%zz", `invalid URL escape "%zz"`],
  ["http://ci.example.com:port", `invalid port ":port" after host`],
  ["http://ci`.example.com", 'invalid character "`" in host name'],
  ["http://{x}.example.com", 'invalid character "{" in host name'],
  ["http://%61.example.com", `invalid URL escape "%61"`],
  ["http://ci example.com", 'invalid character " " in host name'],
  ["http://[fd00::5", "missing ']' in host"],
  ["http://us er@ci.example.com", "net/url: invalid userinfo"],
];

export const urls: Row = {
  id: "external-url",
  name: "`external-url` takes what Go's parser takes, and refuses the rest with its words",
  async run(world) {
    const given = URLS.map(([url]) => ["web", `--external-url=${url}`]);
    const said = await answers(world, given);
    for (const [i, [url, problem]] of URLS.entries()) {
      const answer = said[i] ?? "";
      const refused = answer.includes("invalid argument for flag `--external-url' (expected flag.URL): ");
      const right = problem === null ? ACCEPTED.test(answer) : refused && answer.includes(problem);
      holds(right, `${url}: ${answer}`);
    }
    const refused = URLS.filter(([, problem]) => problem !== null).length;
    return `${URLS.length - refused} taken, ${refused} refused`;
  },
};

/** Flags that came with a version. */
const SINCE: readonly (readonly [version: string, program: string, ...words: string[]])[] = [
  ["8.0.0", "worker", "--containerd-log-level=info"],
  ["8.1.0", "worker", "--containerd-allowed-device=b 7:* rwm"],
  ["8.2.0", "web", "--postgres-application-name=ci"],
  ["8.2.0", "web", "--default-task-cache-ttl=1h"],
  ["8.2.0", "migrate", "--postgres-application-name=ci"],
];

export const news: Row = {
  id: "flags-of-versions",
  name: "Flags that came with a later version are unknown to an earlier one",
  async run(world) {
    const said = await answers(
      world,
      SINCE.map(([, ...words]) => words),
    );
    for (const [i, [version, program, flag = ""]] of SINCE.entries()) {
      const [name = ""] = flag.slice(2).split("=");
      const unknown = (said[i] ?? "").includes(`unknown flag \`${name}'`);
      holds(unknown !== gte(world.version, version), `${program} ${flag}: ${said[i]}`);
    }
    return SINCE.map(([version, program, flag]) => `${program} ${flag?.split("=")[0]} (${version})`).join(", ");
  },
};

/** Values that are refused, with what is said of them. */
const BAD: readonly (readonly [program: string, flag: string, problem: string])[] = [
  ["web", "--no-such-flag=1", "unknown flag `no-such-flag'"],
  ["worker", "--no-such-flag=1", "unknown flag `no-such-flag'"],
  ["web", "--bind-port=99999", "value out of range"],
  ["web", "--bind-ip=ci.example.com", "invalid IP: 'ci.example.com'"],
  ["web", "--log-level=warn", "Invalid value `warn' for option `--log-level'"],
  ["web", "--auth-duration=1", 'missing unit in duration "1"'],
  ["web", "--tsa-authorized-keys=/no/such/file", "no such file or directory"],
  ["web", "--encryption-key=short", "invalid key size 5"],
  ["web", "--postgres-sslmode=prefer", "Invalid value `prefer' for option `--postgres-sslmode'"],
  ["worker", "--runtime=docker", "Invalid value `docker' for option `--runtime'"],
  ["worker", "--containerd-external-ip=x", "invalid IP: 'x'"],
];

export const bad: Row = {
  id: "bad-settings",
  name: "Values of a wrong type and unknown flags end the program at its start",
  async run(world) {
    const said = await answers(
      world,
      BAD.map(([program, flag]) => [program, flag]),
    );
    for (const [i, [program, flag, problem]] of BAD.entries())
      holds((said[i] ?? "").includes(problem), `${program} ${flag}: ${said[i]}`);
    return `${BAD.length} refused`;
  },
};

/** Every variable that the charm may set, for the program that reads it. */
function variables(): [program: string, variable: string][] {
  const database = { user: "", password: "", database: "", ca: "ca" };
  const web = { database, databaseHost: { host: "", port: 1 } } as unknown as Parameters<typeof webSettings>[0];
  const worker = { tsaHosts: [], tags: [], dnsServers: [] } as unknown as Parameters<typeof workerSettings>[0];
  return [
    ...Object.keys(webSettings(web)).map((name) => ["web", name] as [string, string]),
    ...Object.keys(workerSettings(worker)).map((name) => ["worker", name] as [string, string]),
  ];
}

export const known: Row = {
  id: "known-settings",
  name: "Every variable that the charm sets is a flag of the release",
  async run(world) {
    const all = variables();
    const flags = all.map(([, name]) => `--${name.replace("CONCOURSE_", "").toLowerCase().replaceAll("_", "-")}`);
    const said = await answers(
      world,
      all.map(([program], i) => [program, `${flags[i]}=`]),
    );
    for (const [i, flag] of flags.entries()) holds(!(said[i] ?? "").includes("unknown flag"), `${flag}: ${said[i]}`);
    return `${flags.length} known`;
  },
};
