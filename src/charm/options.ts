import { isVersion } from "../concourse/version.ts";
import type { Mode } from "../relations/peers.ts";

/**
 * The charm's options, read and checked. Every value that Juju lets through is either used as it stands or named in
 * `mistakes`; nothing is quietly replaced.
 */
export interface Options {
  readonly mode: Mode;
  /** null: the newest at first install, then whatever is installed. */
  readonly version: string | null;
  readonly sharedStorage: "none" | "lxc";
  readonly webPort: number;
  /** Without a trailing slash; null: derived from the web unit's address. */
  readonly externalUrl: string | null;
  readonly adminName: string;
  readonly logLevel: string;
  readonly tags: readonly string[];
  readonly dnsServers: readonly string[];
  readonly githubToken: string | null;
  /** Without a trailing slash, in the order in which they are asked. */
  readonly releaseMirrors: readonly string[];
  readonly releaseDigest: string | null;
}

export interface Mistake {
  readonly option: string;
  /** One clause: what is wrong and what would be right. */
  readonly message: string;
}

type Values = Readonly<Record<string, string | number | boolean>>;

/** Levels that Concourse accepts (Concourse 7.14, code.cloudfoundry.org/lager flag); "warn" would keep it from starting. */
const LOG_LEVELS = ["debug", "info", "error", "fatal"];

/** Where a web listens besides: the workers' gateway, and two for debugging (Concourse 7.14, atc/atccmd, tsa/tsacmd: command.go). */
const OWN_PORTS = [2221, 2222, 8079];

/** Both at once: a value for every option, and what is wrong with those that are. Use the options only without mistakes. */
export function readOptions(values: Values): { options: Options; mistakes: readonly Mistake[] } {
  const mistakes: Mistake[] = [];
  const text = (name: string): string => String(values[name] ?? "").trim();
  const check = (option: string, right: boolean, message: string): void => {
    if (!right) mistakes.push({ option, message });
  };

  const mode = text("mode") || "auto";
  check("mode", isMode(mode), `"${short(mode)}" is unknown, use auto, web or worker`);

  const version = text("version");
  check("version", version === "" || isVersion(version), `"${short(version)}" is no version, write it like 7.14.3`);

  const sharedStorage = text("shared-storage") || "none";
  check(
    "shared-storage",
    sharedStorage === "none" || sharedStorage === "lxc",
    `"${short(sharedStorage)}" is unknown, use none or lxc`,
  );

  const webPort = Number(values["web-port"] ?? 8080);
  check(
    "web-port",
    Number.isInteger(webPort) && webPort >= 1 && webPort <= 65535,
    `${webPort} is no port (1 to 65535)`,
  );
  check("web-port", !OWN_PORTS.includes(webPort), `${webPort} is one of Concourse's own, use another`);

  const externalUrl = text("external-url");
  check("external-url", externalUrl === "" || isHttpUrl(externalUrl), `"${short(externalUrl)}" is no http(s) URL`);

  const adminName = text("initial-admin-username");
  check(
    "initial-admin-username",
    /^[a-z0-9][a-z0-9._@-]{0,63}$/.test(adminName),
    `"${short(adminName)}" is no user name: a-z 0-9 . _ @ -`,
  );

  const logLevel = text("log-level") || "info";
  check("log-level", LOG_LEVELS.includes(logLevel), `"${short(logLevel)}" is unknown, use ${LOG_LEVELS.join(", ")}`);

  const tags = list(text("tag"));
  const badTag = tags.find((tag) => !/^[\w.:/=@+-]+$/.test(tag));
  check("tag", badTag === undefined, `"${short(badTag ?? "")}" is no tag: letters, digits and _.:/=@+-`);

  const dnsServers = list(text("containerd-dns-server"));
  const badServer = dnsServers.find((server) => !isAddress(server));
  check("containerd-dns-server", badServer === undefined, `"${short(badServer ?? "")}" is no IP address`);
  const farServer = dnsServers.find((server) => isAddress(server) && !isFar(server));
  check(
    "containerd-dns-server",
    farServer === undefined,
    `builds cannot reach ${farServer}: no loopback, multicast or unspecified address`,
  );

  const githubToken = text("github-token");
  check("github-token", /^[\x21-\x7e]*$/.test(githubToken), "holds blanks or control characters");

  const releaseMirrors = list(text("release-mirror"));
  const badMirror = releaseMirrors.find((url) => !isHttpUrl(url));
  check("release-mirror", badMirror === undefined, `"${short(badMirror ?? "")}" is no http(s) URL`);

  const releaseDigest = text("release-digest").toLowerCase();
  check("release-digest", releaseDigest === "" || /^[0-9a-f]{64}$/.test(releaseDigest), "is no SHA-256: 64 hex digits");

  return {
    mistakes,
    options: {
      mode: isMode(mode) ? mode : "auto",
      version: version || null,
      sharedStorage: sharedStorage === "lxc" ? "lxc" : "none",
      webPort,
      externalUrl: withoutSlash(externalUrl) || null,
      adminName,
      logLevel,
      tags,
      dnsServers,
      githubToken: githubToken || null,
      releaseMirrors: releaseMirrors.map(withoutSlash),
      releaseDigest: releaseDigest || null,
    },
  };
}

const isMode = (text: string): text is Mode => text === "auto" || text === "web" || text === "worker";

const list = (value: string): string[] => [
  ...new Set(
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  ),
];
/** A status line has to hold it beside the option's name and the command. */
const short = (value: string): string => (value.length > 12 ? `${value.slice(0, 9)}...` : value);
const withoutSlash = (url: string): string => url.replace(/\/+$/, "");

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return (url?.protocol === "http:" || url?.protocol === "https:") && url.hostname !== "" && !/[\s"'\\]/.test(text);
}

/** An IP address, of either family. */
export function isAddress(text: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(text)
    ? text.split(".").every((part) => Number(part) < 256)
    : /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

/**
 * An address that a build, in a network of its own, could reach: none of the loopback, of many (multicast) or of nobody.
 * A URL spells an address of the sixth version in one way only, those of the fourth in it as well.
 */
function isFar(address: string): boolean {
  if (!address.includes(":")) return isFarByte(Number(address.split(".")[0]));
  const spelled = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):[0-9a-f]+$/.exec(spelled)?.[1];
  return mapped === undefined
    ? spelled !== "::" && spelled !== "::1" && !spelled.startsWith("ff")
    : isFarByte(Number.parseInt(mapped, 16) >> 8);
}

const isFarByte = (first: number): boolean => first !== 0 && first !== 127 && first < 224;
