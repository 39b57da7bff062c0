/** Reading the YAML files of a charm as Juju does. */
import { type DocumentOptions, parse, type ParseOptions, type ScalarTag, type SchemaOptions, type Tags } from "yaml";
import { UserError } from "../../errors.ts";
import { isMap } from "./action-schema.ts";

export type YamlMap = Readonly<Record<string, unknown>>;

/** As juju/yaml reads: `yes` and `on` are booleans, but a lone `y` or `n` is none. */
const GO_YAML: DocumentOptions & SchemaOptions & ParseOptions = {
  version: "1.1",
  logLevel: "error",
  customTags: (tags) => tags.map(withoutLetters),
};

function withoutLetters(tag: Tags[number]): Tags[number] {
  if (typeof tag !== "object" || tag.tag !== "tag:yaml.org,2002:bool" || !("test" in tag)) return tag;
  const test = new RegExp(tag.test?.source.replace(/[YN]\|[yn]\|/, "") ?? "");
  return { ...tag, test } as ScalarTag;
}

/** Null where there is no such file. */
export function readMap(files: Readonly<Record<string, string>>, file: string): YamlMap | null {
  const text = files[file];
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = parse(text, GO_YAML);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : ""}`);
  }
  if (value === null) return {};
  if (!isMap(value)) throw new UserError(`cannot read ${file}: expected map, got ${typeof value}`);
  return value;
}

export function mapAt(map: YamlMap, key: string): YamlMap {
  const value = map[key];
  return isMap(value) ? value : {};
}

export function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  make: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value, key)]));
}
