/** The secrets of a new cluster, left in a private file until the leader's charm has put them into Juju. */
import { publicLine } from "../../concourse/ssh-keys.ts";
import type { ClusterSecret } from "../contract.ts";
import { readText, removeFile, sweepTemporary, writePrivate } from "../files.ts";
import type { AgentPorts } from "../ports.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

/** What `concourse generate-key` makes (Concourse 7.14, cmd/concourse/generate_key.go). */
const KEY_BITS = 4096;
/** 24 characters of 62 are 142 bits. */
const PASSWORD_LENGTH = 24;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

interface Needs {
  readonly wanted: boolean;
}

export function clusterSecretTask({ ports, places }: TaskWorld): Task<Needs> {
  return {
    name: "clusterSecret",
    rest: {},
    needs: ({ clusterSecret }) => ({ wanted: clusterSecret }),
    begin:
      ({ wanted }) =>
      async (io) => {
        if (!wanted) {
          io.report({ clusterSecretReady: false });
          // Juju holds them now, or another unit makes them: a second copy has no use.
          await removeFile(ports, places.clusterSecret);
        } else {
          if (!isComplete(await readText(ports, places.clusterSecret))) await make();
          io.report({ clusterSecretReady: true });
        }
        return null;
      },
  };

  async function make(): Promise<void> {
    const secret = await makeClusterSecret(ports);
    await sweepTemporary(ports, places.clusterSecret);
    await writePrivate(ports, places.clusterSecret, `${JSON.stringify(secret)}\n`);
  }
}

async function makeClusterSecret({ keys, random }: AgentPorts): Promise<ClusterSecret> {
  const password = makePassword((count) => random.bytes(count));
  const [session, host, hash] = await Promise.all([
    keys.rsa(KEY_BITS),
    keys.rsa(KEY_BITS),
    keys.passwordHash(password),
  ]);
  return {
    "admin-password": password,
    "admin-password-hash": hash,
    "session-signing-key": session,
    "tsa-host-key": host,
  };
}

/** Every character equally likely: bytes of the incomplete last round of 62 are thrown away. */
export function makePassword(bytes: (count: number) => Uint8Array): string {
  const fair = 256 - (256 % BASE62.length);
  let password = "";
  while (password.length < PASSWORD_LENGTH) {
    for (const byte of bytes(PASSWORD_LENGTH - password.length)) {
      if (byte < fair) password += BASE62[byte % BASE62.length];
    }
  }
  return password;
}

function isComplete(text: string | null): boolean {
  if (text === null) return false;
  try {
    const secret = JSON.parse(text) as Partial<ClusterSecret>;
    publicLine(secret["session-signing-key"] ?? "");
    publicLine(secret["tsa-host-key"] ?? "");
    return Boolean(secret["admin-password"] && secret["admin-password-hash"]);
  } catch {
    return false;
  }
}
