/** How values are printed: juju/cmd v3.2.2 output.go, Go's encoding/json, juju/yaml v2. */
import {
  Document,
  type DocumentOptions,
  isScalar,
  Pair,
  parseDocument,
  Scalar,
  type ScalarTag,
  type SchemaOptions,
  type ToStringOptions,
  YAMLMap,
} from "yaml";
import { asBytes } from "../names.ts";

export type Format = "smart" | "yaml" | "json";

export function formatValue(format: Format, value: unknown): string {
  switch (format) {
    case "json":
      return `${goJson(value)}\n`;
    case "yaml":
      return value === null || value === undefined ? "" : goYaml(value);
    case "smart":
      return smart(value);
  }
}

function smart(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "string") return `${value}\n`;
  if (typeof value === "boolean") return value ? "True\n" : "False\n";
  if (Array.isArray(value)) return value.length === 0 ? "" : `${value.join("\n")}\n`;
  return goYaml(value);
}

/** A map whose keys keep their order in JSON, as a Go struct's do; YAML has them in this order too. */
export class Struct {
  readonly fields: Readonly<Record<string, unknown>>;
  constructor(fields: Readonly<Record<string, unknown>>) {
    this.fields = fields;
  }
}

function goJson(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return goString(value);
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(",")}]`;
  const entries = entriesOf(value, asBytes);
  return `{${entries.map(([key, part]) => `${goString(key)}:${goJson(part)}`).join(",")}}`;
}

function entriesOf(value: object, order: (a: string, b: string) => number): [string, unknown][] {
  if (value instanceof Struct) return Object.entries(value.fields);
  return Object.entries(value).toSorted(([a], [b]) => order(a, b));
}

function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const YAML: ToStringOptions & DocumentOptions & SchemaOptions = {
  version: "1.1",
  customTags: (tags) => [GO_NUMBER, ...tags],
  lineWidth: 80,
  indentSeq: false,
  blockQuote: "literal",
  singleQuote: true,
};

/** Go shows floats with an exponent long before JavaScript does. */
const GO_NUMBER: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  identify: (value) => typeof value === "number",
  test: /^\b$/,
  resolve: Number,
  stringify: ({ value }) => goFloat(Number(value)),
};

function goYaml(value: unknown): string {
  return new Document(node(value), YAML).toString(YAML);
}

function node(value: unknown): unknown {
  if (typeof value === "string") return text(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(node);
  const map = new YAMLMap();
  map.items = entriesOf(value, yamlOrder).map(([key, part]) => new Pair(text(key), node(part)));
  return map;
}

/** Cheap to tell: nearly no string can be taken for something else. */
const DOUBTFUL = /^(?:[-+.\d~<=].*|y|n|yes|no|on|off|true|false|null)$/is;

/** What would be read as something else than a string gets double quotes, what cannot stand plain gets single ones. */
function text(value: string): Scalar {
  const scalar = new Scalar(value);
  if (value === "" || (DOUBTFUL.test(value) && !isReadAsText(value))) scalar.type = "QUOTE_DOUBLE";
  return scalar;
}

function isReadAsText(value: string): boolean {
  const { contents } = parseDocument(value, { version: "1.1", logLevel: "silent" });
  return !isScalar(contents) || typeof contents.value === "string";
}

/** yaml.v2 sorts keys by letters and numbers in them. */
function yamlOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Go's shortest `%g`. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  const digits = String(Math.abs(power)).padStart(2, "0");
  return `${mantissa}e${power < 0 ? "-" : "+"}${digits}`;
}
