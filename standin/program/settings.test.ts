import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAuthorizedKeys, parsePrivateKey, publicBlob } from "./keys.ts";
import type { Option } from "./option-table.ts";
import { parseDuration, readSettings } from "./settings.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "settings-"));
  writeFileSync(join(directory, "file"), "");
});

afterAll(() => rmSync(directory, { recursive: true }));

const OPTIONS: readonly Option[] = [
  { name: "work-dir", kind: "text" },
  { name: "dry", kind: "bool" },
  { name: "port", kind: "uint16", default: "8080" },
  { name: "tag", kind: "list" },
  { name: "user", kind: "map" },
  { name: "ca", kind: "file" },
  { name: "url", kind: "url" },
  { name: "level", kind: "text", choices: ["debug", "info"], default: "info" },
  { name: "proxy", kind: "text", variable: "http_proxy" },
];

const read = (environment: Record<string, string>, ...args: string[]) => readSettings(OPTIONS, args, environment);

describe("the environment", () => {
  test("unset variables leave the default, or nothing", () => {
    const settings = read({});
    expect([settings.number("port"), settings.has("tag"), settings.flag("dry")]).toEqual([8080, false, false]);
  });

  test("empty is not unset: true for a switch, one empty element for a list", () => {
    expect(read({ CONCOURSE_DRY: "" }).flag("dry")).toBe(true);
    expect(read({ CONCOURSE_TAG: "" }).list("tag")).toEqual([""]);
  });

  test("lists split at commas, pairs at the first colon", () => {
    expect(read({ CONCOURSE_USER: "a:b:c,d" }).pairs("user")).toEqual([
      ["a", "b:c"],
      ["d", ""],
    ]);
  });

  test("a few variables have their own names", () => {
    expect(read({ http_proxy: "http://p" }).text("proxy")).toBe("http://p");
    expect(read({ CONCOURSE_PROXY: "http://p" }).has("proxy")).toBe(false);
  });

  test.each([
    [
      "CONCOURSE_PORT",
      "",
      'invalid argument for flag `--port\' (expected uint16): strconv.ParseUint: parsing "": invalid syntax',
    ],
    [
      "CONCOURSE_PORT",
      "65536",
      'invalid argument for flag `--port\' (expected uint16): strconv.ParseUint: parsing "65536": value out of range',
    ],
    [
      "CONCOURSE_DRY",
      "yes",
      'invalid argument for flag `--dry\' (expected bool): strconv.ParseBool: parsing "yes": invalid syntax',
    ],
    ["CONCOURSE_CA", "", "invalid argument for flag `--ca' (expected flag.File): stat : no such file or directory"],
    ["CONCOURSE_URL", "http://", "invalid argument for flag `--url' (expected flag.URL): missing scheme in 'http:'"],
    ["CONCOURSE_LEVEL", "", "Invalid value `' for option `--level'. Allowed values are: debug or info"],
  ])("%s=%j is refused", (name, value, message) => {
    expect(() => read({ [name]: value })).toThrow(message);
  });
});

test("arguments win over the environment, and may be repeated", () => {
  expect(read({ CONCOURSE_PORT: "1" }, "--port", "2").number("port")).toBe(2);
  expect(read({}, "--tag=a", "--tag", "b").list("tag")).toEqual(["a", "b"]);
  expect(read({}, "--dry").flag("dry")).toBe(true);
  expect(read({}, `--ca=${directory}/file`).has("ca")).toBe(true);
  expect(() => read({}, "--nope")).toThrow("unknown flag `nope'");
  expect(() => read({}, "extra")).toThrow("unexpected positional arguments: [extra]");
});

test("missing options are named together", () => {
  const required = ["b", "a", "c"].map((name) => ({ name, kind: "text", required: true }) as const);
  expect(() => readSettings(required, [], {})).toThrow("the required flags `--a', `--b' and `--c' were not specified");
  expect(() => readSettings(required.slice(0, 1), [], {})).toThrow("the required flag `--b' was not specified");
});

describe("durations", () => {
  test.each([
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["-2ms", -2],
    ["0", 0],
  ])("%s", (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  test.each(["", "1", "1d", "h", "1s2"])("%j is none", (text) => expect(() => parseDuration(text)).toThrow("time:"));

  test("hours, minutes and seconds add up", () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), fc.nat(99), (hours, minutes, seconds) => {
        expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(((hours * 60 + minutes) * 60 + seconds) * 1000);
      }),
    );
  });
});

describe("keys", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const line = `ssh-rsa ${publicBlob(privateKey).toString("base64")}`;

  test("both encodings are read under any label, nothing but RSA", () => {
    const pkcs1 = privateKey.export({ format: "pem", type: "pkcs1" }).toString();
    const pkcs8 = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    for (const pem of [pkcs1, pkcs8, pkcs1.replaceAll("RSA PRIVATE", "PRIVATE"), pkcs8.replaceAll("PRIVATE", "ANY")]) {
      expect(parsePrivateKey(pem).equals(privateKey)).toBe(true);
    }
    const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(() => parsePrivateKey(ed25519)).toThrow("not a valid RSA private key");
    expect(() => parsePrivateKey(line)).toThrow("PEM encoded");
  });

  test("authorized keys: comments, options and bad lines around them do no harm", () => {
    const text = `# keys\n\nnot a key\nssh-rsa !!!! x\nrestrict,command="a b" ${line} someone\n${line}`;
    expect(parseAuthorizedKeys(text)).toEqual([publicBlob(privateKey), publicBlob(privateKey)]);
    expect(parseAuthorizedKeys("")).toEqual([]);
  });
});
