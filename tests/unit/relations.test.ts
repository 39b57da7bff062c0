import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseUri, readAnswer } from "../../src/relations/postgresql.ts";
import { readApplicationBag, readReport, writeApplicationBag, writeReport } from "../../src/relations/peers.ts";
import {
  parseGateways,
  readWebApplicationBag,
  readWebBag,
  readWorkerBag,
  writeWebApplicationBag,
  writeWebBag,
  writeWorkerBag,
} from "../../src/relations/tsa.ts";
import { cluster, RELEASE, target, webReport } from "./charm/facts.ts";

describe("peers", () => {
  test("what is written is read back", () => {
    expect(readApplicationBag(writeApplicationBag({ cluster, secret: "secret:1" }))).toEqual({
      cluster,
      secret: "secret:1",
    });
    expect(readReport(writeReport(webReport))).toEqual(webReport);
  });

  test.each(["", "{", "[]", "null", '{"schema":2}', '{"schema":1}', '{"schema":1,"generation":-1}'])(
    "garbage %j is no word",
    (text) => {
      expect(readReport({ unit: text })).toBeNull();
      expect(readApplicationBag({ cluster: text }).cluster).toBeNull();
    },
  );

  test("a version or digest that could be part of a path is garbage", () => {
    const evil = { ...cluster, release: { ...cluster.release, version: "../../x" } };
    expect(readApplicationBag({ cluster: JSON.stringify({ schema: 1, ...evil }) }).cluster).toBeNull();
  });
});

describe("postgresql", () => {
  test("several hosts, percent-encoding, a database of another name", () => {
    expect(
      parseUri("postgresql://us%40er:p%2Fw%3A%25@10.0.0.5:5432,[fd00::1]:6432,db/con%20course?sslmode=require"),
    ).toEqual({
      user: "us@er",
      password: "p/w:%",
      hosts: [
        { host: "10.0.0.5", port: 5432 },
        { host: "fd00::1", port: 6432 },
        { host: "db", port: 5432 },
      ],
      database: "con course",
    });
  });

  test("any user and password survive a URI", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
        const uri = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:1/d`;
        expect(parseUri(uri)).toMatchObject({ user, password });
      }),
    );
  });

  test.each([
    ["nothing yet", {}, null, null],
    ["secret not granted yet", { endpoints: "h:1", "secret-user": "secret:1" }, null, null],
  ])("incomplete: %s", (_, bag, user, tls) => {
    expect(readAnswer(bag, user, tls)).toBeNull();
  });

  test("secrets, with TLS", () => {
    const answer = readAnswer(
      { endpoints: "h:1", database: "d" },
      { username: "u", password: "p" },
      { tls: "True", "tls-ca": "PEM" },
    );
    expect(answer).toEqual({ hosts: [{ host: "h", port: 1 }], user: "u", password: "p", database: "d", ca: "PEM" });
  });

  test("tls said to be off is off, whatever certificate lies about", () => {
    expect(
      readAnswer({ endpoints: "h:1" }, { username: "u", password: "p" }, { tls: "False", "tls-ca": "PEM" })?.ca,
    ).toBeNull();
  });
});

describe("tsa and flight", () => {
  const web = { running: RELEASE, answering: true, authorised: ["SHA256:x"], workers: [{ name: "w", since: 1 }] };
  const worker = { name: "m-w-0", running: null, lease: [RELEASE] };

  test("what is written is read back", () => {
    expect(readWebBag(writeWebBag(["a:2222", "b:2222"], "ssh-rsa A", web))).toEqual({
      hosts: "a:2222,b:2222",
      hostKeys: "ssh-rsa A",
      version: null,
      word: web,
    });
    expect(readWorkerBag(writeWorkerBag("ssh-rsa B", worker))).toEqual({ key: "ssh-rsa B", word: worker });
    const word = { release: target, store: "id" };
    expect(readWebApplicationBag(writeWebApplicationBag(word))).toEqual(word);
    const whole = { ...word, applications: ["0b1c2d3e-ci", "0b1c2d3e-build"], web: "ci/0" };
    expect(readWebApplicationBag(writeWebApplicationBag(whole))).toEqual(whole);
  });

  test.each(["../x", "build", "0b1c2d3e-Build", "0b1c2d3e-", `0b1c2d3e-${"b".repeat(231)}`, 7])(
    "%s is no application's name on a store",
    (name) => {
      const bag = { web: JSON.stringify({ schema: 1, release: target, store: "id", applications: [name] }) };
      expect(readWebApplicationBag(bag)).toBeNull();
    },
  );

  test("what the other charm writes is understood, and nothing else is made of it", () => {
    const bag = { "tsa-host": "10.0.0.5:2222", "tsa-public-key": "ssh-rsa A\nssh-rsa B", "concourse-version": "8.3.0" };
    expect(readWebBag(bag)).toEqual({
      hosts: "10.0.0.5:2222",
      hostKeys: "ssh-rsa A\nssh-rsa B",
      version: "8.3.0",
      word: null,
    });
    expect(readWebBag({ ...bag, "concourse-version": "8/../.." })?.version).toBeNull();
    expect(readWebBag({ "concourse-version": "8.3.0" })).toBeNull();
    expect(readWorkerBag({ "worker-public-key": "ssh-rsa W" })).toEqual({ key: "ssh-rsa W", word: null });
  });

  test.each([
    ["a name that is none", { ...worker, name: "../x" }],
    ["a lease that is a path", { ...worker, lease: ["../../etc"] }],
    ["a lease of everything", { ...worker, lease: Array.from({ length: 9 }, () => RELEASE) }],
    ["no lease", { name: "w", running: null }],
  ])("%s is no word", (_, word) => {
    expect(readWorkerBag({ worker: JSON.stringify({ schema: 1, ...word }) }).word).toBeNull();
  });

  test.each([
    ["10.0.0.5:2222", [{ host: "10.0.0.5", port: 2222 }]],
    [
      "w , [fd00::1]:9",
      [
        { host: "w", port: 2222 },
        { host: "fd00::1", port: 9 },
      ],
    ],
    ["a b:2222,;rm,x:0,x:70000,fd00::1:2222,", []],
  ])("gateways of %j", (text, expected) => {
    expect(parseGateways(text)).toEqual(expected);
  });

  test("no text gives a gateway that could end a line or a list", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { host } of parseGateways(text)) expect(host).toMatch(/^[0-9A-Za-z.:-]+$/);
      }),
    );
  });
});
