/** Asks a Concourse web as `fly` does: who are you, and which workers have you registered. */

import type { WebAnswer } from "./evidence.ts";

/** The public client of `fly` (Concourse, fly/commands/login.go). */
const FLY_CLIENT = `Basic ${Buffer.from("fly:Zmx5").toString("base64")}`;
const PATIENCE_MS = 10_000;

/** Never throws: what did not work is in `problem`. The password goes nowhere else. */
export async function askWeb(
  url: string,
  credentials: () => Promise<{ readonly username: string; readonly password: string }>,
): Promise<WebAnswer> {
  let version: string | null = null;
  try {
    version = String(((await ask(`${url}/api/v1/info`, {})) as { version: unknown }).version);
    const authorization = `Bearer ${await logIn(url, await credentials())}`;
    const workers = (await ask(`${url}/api/v1/workers`, { headers: { authorization } })) as WebAnswer["workers"] | null;
    return { url, version, workers: (workers ?? []).map(({ name, state }) => ({ name, state })), problem: "" };
  } catch (error) {
    return { url, version, workers: [], problem: (error as Error).message };
  }
}

async function logIn(url: string, user: { readonly username: string; readonly password: string }): Promise<string> {
  const { username, password } = user;
  const scope = "openid profile email federated:id groups";
  const body = new URLSearchParams({ grant_type: "password", username, password, scope });
  const headers = { authorization: FLY_CLIENT };
  const answer = (await ask(`${url}/sky/issuer/token`, { method: "POST", headers, body })) as { access_token?: string };
  if (answer.access_token === undefined) throw new Error("/sky/issuer/token gave no token");
  return answer.access_token;
}

async function ask(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`);
  return response.json();
}
