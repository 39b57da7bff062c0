/** Small rules of how Juju writes numbers, ports and times (Juju 3.6, cmd/juju/status). */

/** `a/2` before `a/10`: runs of digits compare as numbers. */
export function compareNatural(left: string, right: string): number {
  return left.localeCompare(right, "en", { numeric: true });
}

const LONGEST_MESSAGE = 120;

/** Messages are cut at 120 characters, the last three being dots. */
export function cutMessage(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 3)}...` : message;
}

const LONGEST_VERSION = 15;

/** First line of a workload version; more than 15 characters become 12 and dots. */
export function cutVersion(version: string): string {
  const line = version.split("\n", 1)[0] ?? "";
  return line.length > LONGEST_VERSION ? `${line.slice(0, LONGEST_VERSION - 3)}...` : line;
}

/** `["80/tcp", "443/tcp", "53/udp"]` as `80,443/tcp 53/udp`; consecutive single ports become a range. */
export function groupPorts(ports: readonly string[]): string {
  const byProtocol = new Map<string, string[]>();
  for (const port of ports) {
    const [range = "", protocol] = port.split("/");
    if (protocol === undefined) byProtocol.set(range, []);
    else byProtocol.set(protocol, [...(byProtocol.get(protocol) ?? []), range]);
  }
  return [...byProtocol.keys()]
    .toSorted()
    .map((protocol) => {
      const ranges = byProtocol.get(protocol) ?? [];
      return ranges.length === 0 ? protocol : `${joinConsecutive(ranges).join(",")}/${protocol}`;
    })
    .join(" ");
}

function joinConsecutive(ranges: readonly string[]): string[] {
  const joined: { first: number; last: number; single: boolean; text: string }[] = [];
  for (const text of ranges) {
    const single = !text.includes("-");
    const first = Number.parseInt(text, 10);
    const before = joined.at(-1);
    if (single && before?.single === true && before.last + 1 === first) {
      before.last = first;
      before.text = `${before.first}-${first}`;
    } else {
      joined.push({ first, last: first, single, text });
    }
  }
  return joined.map((range) => range.text);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** `Z`, or `+02:00` for local time elsewhere. */
function zoneOf(date: Date, utc: boolean): string {
  const offset = utc ? 0 : -date.getTimezoneOffset();
  if (offset === 0) return "Z";
  const minutes = Math.abs(offset);
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

function clock(date: Date, utc: boolean): string {
  return utc
    ? `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`
    : `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** `14:03:07Z`. `time` in milliseconds. */
export function timestamp(time: number, utc: boolean): string {
  const date = new Date(time);
  return clock(date, utc) + zoneOf(date, utc);
}

/** `02 Jan 2006 15:04:05Z` in local time, `2006-01-02 15:04:05Z` with `utc`. `time` in milliseconds. */
export function dateAndTime(time: number, utc: boolean): string {
  const date = new Date(time);
  if (utc) return `${date.toISOString().slice(0, 10)} ${clock(date, true)}Z`;
  return `${pad(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()} ${clock(date, false)}${zoneOf(date, false)}`;
}
