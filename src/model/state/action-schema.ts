/**
 * Parameters of actions against their JSON schema: the part of draft 4 that charms use. Messages as of
 * juju/gojsonschema, which Juju 3.6's charm/v12 actions.go reports.
 */
type Schema = Readonly<Record<string, unknown>>;

/** What is wrong, as sentences; empty if the value fits. */
export function violations(schema: Schema, value: unknown, path = "(root)"): string[] {
  const found = [
    ...ownViolations(schema, value).map((problem) => `${path} : ${problem}, given ${JSON.stringify(value)}`),
    ...(isMap(value) ? propertyViolations(schema, value, path) : []),
    ...(Array.isArray(value) ? itemViolations(schema, value, path) : []),
  ];
  return found;
}

function ownViolations(schema: Schema, value: unknown): string[] {
  const type = typeProblem(schema["type"], value);
  if (type !== null) return [type];
  const allowed = schema["enum"];
  const problems: string[] = [];
  if (Array.isArray(allowed) && !allowed.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
    problems.push(`must match one of the enum values ${JSON.stringify(allowed)}`);
  }
  if (typeof value === "number") problems.push(...numberProblems(schema, value));
  if (typeof value === "string") problems.push(...textProblems(schema, value));
  if (isMap(value)) problems.push(...mapProblems(schema, value));
  return problems;
}

function typeProblem(type: unknown, value: unknown): string | null {
  if (type === undefined) return null;
  const types = Array.isArray(type) ? type.map(String) : [String(type)];
  return types.some((one) => isOf(one, value)) ? null : `must be of type ${types.join(" or ")}`;
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case "object":
      return isMap(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function numberProblems(schema: Schema, value: number): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const problems: string[] = [];
  if (typeof minimum === "number" && (value < minimum || (exclusiveMinimum === true && value === minimum))) {
    problems.push(`must be greater than or equal to ${minimum}`);
  }
  if (typeof maximum === "number" && (value > maximum || (exclusiveMaximum === true && value === maximum))) {
    problems.push(`must be less than or equal to ${maximum}`);
  }
  return problems;
}

function textProblems(schema: Schema, value: string): string[] {
  const { minLength, maxLength, pattern } = schema;
  const problems: string[] = [];
  if (typeof minLength === "number" && value.length < minLength) problems.push(`the minimum length is ${minLength}`);
  if (typeof maxLength === "number" && value.length > maxLength) problems.push(`the maximum length is ${maxLength}`);
  if (typeof pattern === "string" && !new RegExp(pattern, "u").test(value))
    problems.push(`does not match pattern "${pattern}"`);
  return problems;
}

function mapProblems(schema: Schema, value: Schema): string[] {
  const { required, additionalProperties } = schema;
  const names = Array.isArray(required) ? required.map(String) : [];
  const missing = names.filter((name) => !(name in value)).map((name) => `"${name}" property is missing and required`);
  if (additionalProperties !== false) return missing;
  const properties = propertiesOf(schema);
  const surplus = Object.keys(value).filter((name) => !(name in properties));
  return [...missing, ...surplus.map((name) => `additional property "${name}" is not allowed`)];
}

function propertyViolations(schema: Schema, value: Schema, path: string): string[] {
  const known = propertiesOf(schema);
  return Object.entries(value).flatMap(([name, part]) => {
    const own = known[name] ?? (isMap(schema["additionalProperties"]) ? schema["additionalProperties"] : undefined);
    return own === undefined ? [] : violations(own, part, `${path}.${name}`);
  });
}

function itemViolations(schema: Schema, value: readonly unknown[], path: string): string[] {
  const { items } = schema;
  return isMap(items) ? value.flatMap((item, index) => violations(items, item, `${path}.${index}`)) : [];
}

/** `deep.a=1` for a parameter of type `object`: Juju 4.0.15 refuses what the schema allows. */
export function refusedMaps(schema: Schema, value: Schema): string[] {
  const known = propertiesOf(schema);
  const maps = Object.entries(value).filter(([name, part]) => isMap(part) && known[name]?.["type"] === "object");
  return maps.map(([name, part]) => `(root).${name} : must be of type object, given "${asGoPrints(part)}"`);
}

/** `map[a:1 b:map[c:2]]` */
function asGoPrints(value: unknown): string {
  if (!isMap(value)) return String(value);
  const pairs = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${pairs.map(([key, part]) => `${key}:${asGoPrints(part)}`).join(" ")}]`;
}

/** The controller inserts defaults before the unit sees the action. */
export function withDefaults(schema: Schema, value: Schema): Record<string, unknown> {
  const result: Record<string, unknown> = { ...value };
  for (const [name, part] of Object.entries(propertiesOf(schema))) {
    const given = result[name];
    if (given === undefined && "default" in part) result[name] = structuredClone(part["default"]);
    else if (isMap(given)) result[name] = withDefaults(part, given);
    else if (given === undefined) {
      const inner = withDefaults(part, {});
      if (Object.keys(inner).length > 0) result[name] = inner;
    }
  }
  return result;
}

function propertiesOf(schema: Schema): Record<string, Schema> {
  const { properties } = schema;
  if (!isMap(properties)) return {};
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, Schema] => isMap(entry[1])));
}

export function isMap(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
