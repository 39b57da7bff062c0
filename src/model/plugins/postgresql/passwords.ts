/** Passwords of relation users, kept on disk for root only: databags and secrets are made from them again and again. */

import { randomInt } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const AWKWARD = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~é";
/** As the charm's (postgresql-single-kernel-library 16.3, utils/__init__.py: new_password). */
const LENGTH = 16;

/** Letters and digits; with `awkward`, every second character is one that URIs or shells or SQL treat specially. */
export function newPassword(awkward: boolean): string {
  const one = (_: unknown, index: number) => pick(awkward && index % 2 === 1 ? AWKWARD : PLAIN);
  return Array.from({ length: LENGTH }, one).join("");
}

function pick(alphabet: string): string {
  const characters = [...alphabet];
  return characters[randomInt(characters.length)] ?? "";
}

/** By user name; written whole, by rename. */
export class PasswordFile {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = join(directory, "passwords.json");
  }

  async get(user: string): Promise<string | undefined> {
    return (await this.#read())[user];
  }

  async set(user: string, password: string): Promise<string> {
    await this.#write({ ...(await this.#read()), [user]: password });
    return password;
  }

  async keepOnly(users: ReadonlySet<string>): Promise<void> {
    const kept = Object.entries(await this.#read()).filter(([user]) => users.has(user));
    await this.#write(Object.fromEntries(kept));
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #read(): Promise<Record<string, string>> {
    try {
      return JSON.parse(await readFile(this.#path, "utf8")) as Record<string, string>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw error;
    }
  }

  async #write(passwords: Readonly<Record<string, string>>): Promise<void> {
    await writeFile(`${this.#path}.new`, JSON.stringify(passwords), { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}
