import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { fingerprint, normalise, publicLine } from "../../src/concourse/ssh-keys.ts";

const pem = (bits: number): string =>
  generateKeyPairSync("rsa", { modulusLength: bits }).privateKey.export({ type: "pkcs1", format: "pem" }) as string;

test("ssh-keygen derives the same public line and fingerprint", () => {
  const directory = mkdtempSync(join(tmpdir(), "keys-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "key");
  const key = pem(2048);
  writeFileSync(file, key, { mode: 0o600 });
  const line = execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim();
  expect(publicLine(key)).toBe(line);
  expect(execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" }).split(" ")[1]).toBe(fingerprint(line));
});

test("a key is written anew without its comment", () => {
  const line = publicLine(pem(2048));
  expect(normalise(`  ${line} me@example.com\n`)).toBe(line);
});

test.each([
  ["", "not an ssh-rsa"],
  ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB", "not an ssh-rsa"],
  ['command="sh" ssh-rsa AAAA', "not an ssh-rsa"],
  [publicLine(pem(1024)), "shorter than 2048"],
  [`${publicLine(pem(2048))}\nssh-rsa AAAA`, "not an ssh-rsa"],
  ["ssh-rsa AAAA", "truncated"],
])("refused: %j", (line, message) => {
  expect(() => normalise(line)).toThrow(message);
});

test("no text whatever makes it past with a second line or an option", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(normalise(text)).toMatch(/^ssh-rsa [A-Za-z0-9+/]+=*$/);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
