import { UserError } from "../errors.ts";
import { print } from "./session.ts";

/** JSON in one line, or YAML, with a newline at the end. */
export async function renderDocument(document: unknown, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(document)}\n`;
  const { stringify } = await import("yaml");
  return stringify(document, { lineWidth: 0 });
}

export async function printDocument(document: unknown, format: string): Promise<void> {
  print(await renderDocument(document, format));
}

/** @param what where the text is from @throws UserError in one line for what is no YAML */
export async function parseYaml(text: string, what: string): Promise<unknown> {
  const { parse } = await import("yaml");
  try {
    return parse(text) as unknown;
  } catch (error) {
    const [line = ""] = (error as Error).message.split("\n");
    throw new UserError(`${what} is no YAML: ${line.replace(/:$/, "")}`);
  }
}
