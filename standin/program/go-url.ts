/**
 * What `flag.URL` says of a value: Go's `url.Parse`, and then a scheme and a host must be there (concourse/flag, url.go;
 * Go 1.24, net/url). Go's parser is stricter than the one of browsers and of Node.js, so it cannot be asked.
 */

/** Null: it is taken. */
export function urlProblem(given: string): string | null {
  const value = given.replace(/\/+$/, "");
  const parsed = parse(value);
  if (typeof parsed === "string") return `parse ${JSON.stringify(value)}: ${parsed}`;
  return parsed.scheme === "" || parsed.host === "" ? `missing scheme in '${value}'` : null;
}

interface Parsed {
  readonly scheme: string;
  readonly host: string;
}

/** What is wrong, or the parts. */
function parse(value: string): Parsed | string {
  // oxlint-disable-next-line no-control-regex -- these are what Go refuses
  if (/[\x00-\x1f\x7f]/.test(value)) return "net/url: invalid control character in URL";
  const [url = "", fragment = ""] = cut(value, "#");
  const badFragment = escapeProblem(fragment);
  if (badFragment !== null) return badFragment;
  const [scheme, afterScheme] = splitScheme(url);
  if (scheme === null) return "missing protocol scheme";
  const [rest = ""] = cut(afterScheme, "?");
  if (!rest.startsWith("/")) {
    if (scheme !== "") return { scheme, host: "" };
    const [segment = ""] = cut(rest, "/");
    return segment.includes(":") ? "first path segment in URL cannot contain colon" : { scheme, host: "" };
  }
  if (!rest.startsWith("//") || (scheme === "" && rest.startsWith("///"))) {
    return escapeProblem(rest) ?? { scheme, host: "" };
  }
  const at = rest.indexOf("/", 2);
  const [authority, path] = at < 0 ? [rest.slice(2), ""] : [rest.slice(2, at), rest.slice(at)];
  return authorityProblem(authority) ?? escapeProblem(path) ?? { scheme, host: authority.replace(/^.*@/s, "") };
}

function cut(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Scheme and rest; null for a colon with nothing before it. */
function splitScheme(url: string): [scheme: string | null, rest: string] {
  if (url.startsWith(":")) return [null, ""];
  const [whole = "", scheme = ""] = /^([a-z][a-z0-9+.-]*):/i.exec(url) ?? [];
  return [scheme.toLowerCase(), url.slice(whole.length)];
}

function authorityProblem(authority: string): string | null {
  const at = authority.lastIndexOf("@");
  const host = hostProblem(authority.slice(at + 1));
  if (host !== null || at < 0) return host;
  const userinfo = authority.slice(0, at);
  return /^[\w\-.:~!$&'()*+,;=%@]*$/.test(userinfo) ? escapeProblem(userinfo) : "net/url: invalid userinfo";
}

function hostProblem(host: string): string | null {
  const bracketed = host.startsWith("[");
  const end = host.lastIndexOf("]");
  if (bracketed && end < 0) return "missing ']' in host";
  const colon = bracketed ? end + 1 : host.lastIndexOf(":");
  const port = colon < 0 ? "" : host.slice(colon);
  if (!/^(:\d*)?$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  // A host may hold escapes of bytes beyond ASCII only.
  const escape = /%(?!25)(?![89a-f][\da-f])/i.exec(host);
  if (escape !== null) return `invalid URL escape ${JSON.stringify(host.slice(escape.index, escape.index + 3))}`;
  // oxlint-disable-next-line no-control-regex -- all of ASCII but what Go takes
  const bad = /[^\w\-.~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/u.exec(host)?.[0];
  return bad === undefined ? null : `invalid character ${JSON.stringify(bad)} in host name`;
}

function escapeProblem(text: string): string | null {
  const at = text.search(/%(?![\da-f]{2})/i);
  return at < 0 ? null : `invalid URL escape ${JSON.stringify(text.slice(at, at + 3))}`;
}
