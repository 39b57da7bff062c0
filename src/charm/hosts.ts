import { TSA_NAME } from "../concourse/settings.ts";

export const HOSTS_FILE = "/etc/hosts";
const MARK = "# concourse-ci-machine";

/** `/etc/hosts` with our line for each address of the TSA; none takes them back. Other lines stay as they are. */
export function withTsaHost(hosts: string, addresses: readonly string[]): string {
  if (addresses.length === 0 && !hosts.includes(MARK)) return hosts;
  const others = hosts.split("\n").filter((line) => !line.endsWith(MARK));
  while (others.at(-1) === "") others.pop();
  return [...others, ...addresses.map((address) => `${address} ${TSA_NAME} ${MARK}`), ""].join("\n");
}
