/** TLS with certificates made here by openssl: an authority counts as soon as the machine's list holds it. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { networkProblem } from "../store/errors.ts";
import { authorities } from "./authorities.ts";
import { hostHttp } from "./http.ts";

const directory = mkdtempSync(join(tmpdir(), "authorities-"));
const file = (name: string): string => join(directory, name);
const server = createServer((_, response) => response.end("hello"));
let port = 0;

beforeAll(async () => {
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost";
  const extension = ["-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", file("key.pem"), "-out", file("cert.pem")];
  execFileSync("openssl", [...words.split(" "), ...extension, ...files], { stdio: "ignore" });
  server.setSecureContext({ key: readFileSync(file("key.pem")), cert: readFileSync(file("cert.pem")) });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

function statusWith(ca: string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: "localhost", port, ca, agent: false }, (answer) => resolve(answer.resume().statusCode)).on(
      "error",
      reject,
    );
  });
}

test("the machine's list counts as it is now, beside Node's own", async () => {
  const list = file("ca-certificates.crt");
  expect(authorities(list)).toEqual(rootCertificates);
  writeFileSync(list, `${rootCertificates[0]}\n`);
  await expect(statusWith(authorities(list))).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  writeFileSync(list, readFileSync(file("cert.pem")), { flag: "a" });
  expect(await statusWith(authorities(list))).toBe(200);
});

test.each([
  ["localhost", "localhost:… is signed by an unknown authority: add it with update-ca-certificates"],
  ["127.0.0.1", "127.0.0.1:… is signed by an unknown authority: add it with update-ca-certificates"],
])("a server at %s of an unknown authority is told with what to run", async (host, message) => {
  const url = `https://${host}:${port}/`;
  const error = await hostHttp.send({ url }).catch((reason: unknown) => reason);
  expect(networkProblem(error, url)).toEqual({
    code: "server-certificate",
    message: message.replace("…", String(port)),
    blocked: false,
  });
});

test.each(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID", "ERR_TLS_CERT_ALTNAME_INVALID"])("%s is told too", (code) => {
  const error = Object.assign(new Error("x"), { code });
  expect(networkProblem(error, "https://host/x").code).toBe("server-certificate");
});
