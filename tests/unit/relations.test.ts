import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sslMode } from "../../src/concourse/settings.ts";
import { parseHost, parseUri, readAnswer } from "../../src/relations/postgresql.ts";
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
  const at = (host: string, port = 5432) => ({ host, port });
  const SAID = { username: "u", password: "p" };

  test("several hosts, percent-encoding, a database of another name", () => {
    expect(
      parseUri("postgresql://us%40er:p%2Fw%3A%25@10.0.0.5:5432,[fd00::1]:6432,db/con%20course?sslmode=require"),
    ).toEqual({
      user: "us@er",
      password: "p/w:%",
      hosts: [at("10.0.0.5"), at("fd00::1", 6432), at("db")],
      database: "con course",
    });
  });

  test("any user and password survive a URI that encodes them, and most that does not", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
        const uri = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:1/d`;
        expect(parseUri(uri)).toMatchObject({ user, password });
        expect(parseUri(`postgresql://u:${password.replaceAll("%", "")}@h:1/d`)?.hosts).toEqual([at("h", 1)]);
      }),
    );
  });

  test.each([
    ["postgresql://u:a@b/c@h:1/d", { user: "u", password: "a@b/c", hosts: [at("h", 1)], database: "d" }],
    ["postgresql://u:50%@h/d", { user: "u", password: "50%", hosts: [at("h")], database: "d" }],
    ["postgresql://u:p?q#r@h/d", { user: "u", password: "p?q#r", hosts: [at("h")], database: "d" }],
    ["postgresql://u:p@fd00::5:5432/d", { user: "u", password: "p", hosts: [at("fd00::5")], database: "d" }],
    ["postgres://h", { user: "", password: "", hosts: [at("h")], database: "" }],
    ["postgresql://u:p@/d", null],
    ["postgresql://u:p@h:99999/d", null],
    ["http://u:p@h/d", null],
    ["", null],
  ])("URI %s", (uri, expected) => {
    expect(parseUri(uri)).toEqual(expected);
  });

  test.each([
    ["10.0.0.5:5433", at("10.0.0.5", 5433)],
    ["db_1.example", at("db_1.example")],
    ["[fd00::1]:5433", at("fd00::1", 5433)],
    ["[fd00::1]", at("fd00::1")],
    // As charmed PostgreSQL writes an IPv6 primary.
    ["fd00::5:5432", at("fd00::5")],
    ["fd00::5432", at("fd00::5432")],
    ["fd00:1:2:3:4:5:6:7", at("fd00:1:2:3:4:5:6:7")],
    ["fd00:1:2:3:4:5:6:7:5433", at("fd00:1:2:3:4:5:6:7", 5433)],
    ["db:0", null],
    ["db:70000", null],
    ["[db]:1", null],
    ["a b", null],
    ["h:1/d", null],
    [":5432", null],
  ])("endpoint %s", (text, expected) => {
    expect(parseHost(text)).toEqual(expected);
  });

  test.each([
    ["nothing yet", {}, null],
    ["secret not granted yet", { endpoints: "h:1", "secret-user": "secret:1" }, null],
    ["no host yet", {}, SAID],
  ])("incomplete: %s", (_, bag, user) => {
    expect(readAnswer(bag, user, null)).toEqual({ orders: null, unreadable: null });
  });

  test("secrets, with TLS", () => {
    const { orders } = readAnswer({ endpoints: "h:1", database: "d" }, SAID, { tls: "True", "tls-ca": "PEM" });
    expect(orders).toEqual({ hosts: [at("h", 1)], user: "u", password: "p", database: "d", tls: true, ca: "PEM" });
  });

  test.each([
    ["off, whatever certificate lies about", { tls: "False", "tls-ca": "PEM" }, "disable"],
    ["not told", {}, "disable"],
    ["on, and no CA told", { tls: "True" }, "require"],
    ["on, in other words", { tls: "1" }, "require"],
    ["on, with a CA", { tls: "true", "tls-ca": "PEM" }, "verify-ca"],
  ])("TLS %s", (_, tls, mode) => {
    const { orders } = readAnswer({ endpoints: "h:1" }, SAID, tls);
    expect(orders && sslMode(orders)).toBe(mode);
  });

  test.each<[string, Record<string, string>, { host: string; port: number }[] | undefined, string | null]>([
    [
      "hosts of both, those of the plain field first: a primary may have moved there alone",
      { endpoints: "new:1", uris: "postgresql://u:x@old:1,new:1/d" },
      [at("new", 1), at("old", 1)],
      null,
    ],
    ["a raw password in the URI", { endpoints: "h:1", uris: "postgresql://u:a/b@c@h:1/d" }, [at("h", 1)], null],
    ["several URIs", { uris: "postgresql://u:x@a:1/d,postgresql://u:x@b:1/d" }, [at("a", 1), at("b", 1)], null],
    ["an IPv6 primary", { endpoints: "fd00::5:5432" }, [at("fd00::5")], null],
    [
      "an endpoint that is none, beside one that is",
      { endpoints: "a b,h:1" },
      [at("h", 1)],
      "an endpoint that cannot be read: a b",
    ],
    [
      "nothing but what cannot be read",
      { endpoints: "h:99999" },
      undefined,
      "an endpoint that cannot be read: h:99999",
    ],
    [
      "a URI that is none: what is in it is not shown",
      { endpoints: "h:1", uris: "jdbc:postgresql://u:secret@h" },
      [at("h", 1)],
      "a connection URI that cannot be read",
    ],
  ])("%s", (_, bag, hosts, unreadable) => {
    const answer = readAnswer(bag, SAID, null);
    expect(answer.orders?.hosts).toEqual(hosts);
    expect(answer.unreadable).toBe(unreadable);
    // The plain password counts, whatever the URI makes of it.
    expect(answer.orders?.password ?? "p").toBe("p");
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
