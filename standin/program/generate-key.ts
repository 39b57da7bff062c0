/** `concourse generate-key` (concourse/concourse, cmd/concourse/generate_key.go), its wrong PEM label included. */

import { generateKeyPair } from "node:crypto";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { Failure } from "./failure.ts";
import { publicBlob } from "./keys.ts";
import { messageOf } from "./log.ts";
import { KEY_OPTIONS } from "./option-table.ts";
import { goError, readSettings } from "./settings.ts";

const generate = promisify(generateKeyPair);

export async function generateKey(args: readonly string[]): Promise<void> {
  const settings = readSettings(KEY_OPTIONS, args, {});
  const path = settings.text("filename");
  const { privateKey } = await generate("rsa", { modulusLength: settings.number("bits") });
  const pem = privateKey.export({ format: "pem", type: "pkcs1" }).toString();
  write(path, pem.replaceAll("RSA PRIVATE KEY", "PRIVATE KEY"));
  console.log(`wrote private key to ${path}`);
  if (settings.text("type") !== "ssh") return;
  write(`${path}.pub`, `ssh-rsa ${publicBlob(privateKey).toString("base64")}\n`);
  console.log(`wrote ssh public key to ${path}.pub`);
}

function write(path: string, text: string): void {
  try {
    goError("open", path, () => writeFileSync(path, text));
  } catch (error) {
    throw new Failure(`failed to create key file: ${messageOf(error)}`);
  }
}
