import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserError } from "../errors.ts";
import { resolved } from "./disks.ts";

let directory: string;

beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "disks-")));
});
afterAll(() => rmSync(directory, { recursive: true }));

test("a disk's directory that is missing is named, with the command that makes it", async () => {
  const disk = { name: "data", source: join(directory, "srv", "data"), path: "/srv/data", readOnly: false };
  const refused = await resolved(disk).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(UserError);
  const [, command = ""] = /(mkdir .+)$/.exec((refused as UserError).message) ?? [];
  const [program = "", ...words] = command.split(" ");
  execFileSync(program, words);
  expect(await resolved(disk)).toEqual(disk);
});
