/** `main.mjs agent`: the unit's background process with the real machine behind its ports. */
import { createHash } from "node:crypto";
import { generateKeyPair } from "node:crypto";
import { watch as watchDirectory } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { hash as bcrypt } from "bcryptjs";
import { hostPorts } from "../host/ports.ts";
import { serveUnit } from "./agent.ts";
import { NEW_CLUSTER_SECRET_FILE, ORDERS_FILE, STATE_FILE, WORKER_KEY_FILE } from "./contract.ts";
import { prepareDatabase } from "./database/prepare.ts";
import { lastTracked } from "./database/webs.ts";
import type { AgentPorts, Keys, Watch } from "./ports.ts";
import { tryWorker } from "../concourse/worker-api.ts";
import { look } from "./preflight/look.ts";
import type { Places } from "./world.ts";

const PLACES: Places = {
  orders: ORDERS_FILE,
  state: STATE_FILE,
  clusterSecret: NEW_CLUSTER_SECRET_FILE,
  workerKey: WORKER_KEY_FILE,
};

/** What Concourse expects of a hash it is given in place of a password (golang.org/x/crypto/bcrypt's default cost). */
const BCRYPT_COST = 10;

const keys: Keys = {
  rsa: async (modulusLength) => {
    const { privateKey } = await promisify(generateKeyPair)("rsa", {
      modulusLength,
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    return privateKey;
  },
  passwordHash: (password) => bcrypt(password, BCRYPT_COST),
};

const watch: Watch = (directory, changed) => {
  try {
    const watcher = watchDirectory(directory, (_event, name) => {
      if (name !== null) changed(name);
    });
    // The directory went away: who watches looks now and then as well.
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
};

const ports: AgentPorts = {
  ...hostPorts,
  watch,
  keys,
  database: { prepare: (orders) => prepareDatabase(orders), lastTracked },
  preflight: () => look(hostPorts),
  tryWorker: (signal) => tryWorker(hostPorts.http, `preflight-${hostPorts.random.uuid()}`, signal),
  log: (line) => process.stderr.write(`${line}\n`),
};

/**
 * Serves the unit until SIGTERM or SIGINT, then ends the process. Whatever is cut off is taken up by the next life.
 * `places` are those of the contract unless told otherwise.
 */
export async function runAgent(places: Places = PLACES): Promise<void> {
  const life = new AbortController();
  // A download or a query that takes its time to notice must not hold up the machine.
  const end = () => {
    life.abort();
    setTimeout(() => process.exit(0), 500).unref();
  };
  process.once("SIGTERM", end).once("SIGINT", end);
  process.on("unhandledRejection", (error) => ports.log(`unhandled: ${String(error)}`));
  const program = createHash("sha256")
    .update(await readFile(process.argv[1] ?? ""))
    .digest("hex");
  await serveUnit(ports, { places, program }, life.signal);
  process.exit(0);
}
