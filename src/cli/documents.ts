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
