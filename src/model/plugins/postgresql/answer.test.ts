import fc from "fast-check";
import { expect, test } from "vitest";
import { answer, uri } from "./answer.ts";
import type { Facts } from "./answer.ts";

const FACTS: Facts = {
  user: "relation-3",
  password: "a%b/c@d:e",
  database: "concourse",
  version: "16.14",
  endpoints: ["127.0.0.2:5432", "10.87.3.1:5432"],
  readOnlyEndpoints: ["10.87.3.1:5432"],
  ca: "PEM",
};
const ask = (remote: Record<string, string>) => answer({ endpoint: "database", relationId: 3, remote }, FACTS);

test("a requirer that takes secrets gets user and tls as secrets, everything else in the bag", () => {
  const requested = JSON.stringify(["username", "password", "tls", "tls-ca", "uris", "read-only-uris", "entity-name"]);
  const remote = { database: "concourse", "requested-secrets": requested, data: "{}" };
  const { bag, secrets } = ask(remote);
  expect(bag).toEqual({
    data: JSON.stringify({ database: "concourse", "requested-secrets": requested }),
    database: "concourse",
    endpoints: "127.0.0.2:5432,10.87.3.1:5432",
    "read-only-endpoints": "10.87.3.1:5432",
    version: "16.14",
  });
  expect(secrets).toEqual([
    {
      key: "secret-user",
      label: "database.3.user.secret",
      content: {
        username: "relation-3",
        password: "a%b/c@d:e",
        uris: "postgresql://relation-3:a%25b%2Fc%40d%3Ae@127.0.0.2:5432,10.87.3.1:5432/concourse",
        "read-only-uris": "postgresql://relation-3:a%25b%2Fc%40d%3Ae@10.87.3.1:5432/concourse",
      },
    },
    { key: "secret-tls", label: "database.3.tls.secret", content: { tls: "True", "tls-ca": "PEM" } },
  ]);
});

test("a requirer without secrets gets the same in clear, and no read-only URI", () => {
  const { bag, secrets } = ask({ database: "concourse" });
  expect(secrets).toEqual([]);
  expect(bag).toMatchObject({ username: "relation-3", password: "a%b/c@d:e", tls: "True", "tls-ca": "PEM" });
  expect(bag).not.toHaveProperty("read-only-uris");
});

test("TLS off is told as such", () => {
  const { secrets } = answer(
    { endpoint: "database", relationId: 3, remote: { "requested-secrets": '["tls","tls-ca"]' } },
    { ...FACTS, ca: null },
  );
  expect(secrets).toEqual([
    { key: "secret-tls", label: "database.3.tls.secret", content: { tls: "False", "tls-ca": "" } },
  ]);
});

test("user, password and database survive any URI parser", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(text, text, text, (user, password, database) => {
      const url = new URL(uri({ ...FACTS, user, password, database }, ["10.0.0.1:5432"]));
      expect(decodeURIComponent(url.username)).toBe(user);
      expect(decodeURIComponent(url.password)).toBe(password);
      expect(url.host).toBe("10.0.0.1:5432");
      expect(url.search + url.hash).toBe("");
    }),
  );
});
