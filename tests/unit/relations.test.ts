import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseUri, readAnswer } from "../../src/relations/postgresql.ts";
import { readApplicationBag, readReport, writeApplicationBag, writeReport } from "../../src/relations/peers.ts";
import { cluster, webReport } from "./charm/facts.ts";

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
