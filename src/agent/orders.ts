import type { Orders } from "./contract.ts";

/** The orders in a file's text; null if it is none that this program understands. Only the charm writes them. */
export function parseOrders(text: string): Orders | null {
  try {
    const orders = JSON.parse(text) as Partial<Orders> | null;
    const complete = typeof orders?.store === "object" && typeof orders.source === "object";
    return orders?.schema === 1 && typeof orders.unit === "string" && complete ? (orders as Orders) : null;
  } catch {
    return null;
  }
}

/** The text without any secret that the orders hold, and without credentials in URLs. */
export function redact(text: string, orders: Orders | null): string {
  const secrets = [orders?.database?.password, orders?.web?.password, orders?.source.githubToken];
  const clean = secrets.reduce<string>((rest, secret) => (secret ? rest.replaceAll(secret, "…") : rest), text);
  return clean.replaceAll(/\/\/[^/@\s]*@/g, "//…@");
}
