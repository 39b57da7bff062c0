import { TSA_NAME } from "../concourse/settings.ts";

export const HOSTS_FILE = "/etc/hosts";
const MARK = "# concourse-ci-machine";

/** `/etc/hosts` with our one line for the TSA, or, with null, without it. Other lines stay as they are. */
export function withTsaHost(hosts: string, address: string | null): string {
  const others = hosts.split("\n").filter((line) => !line.endsWith(MARK));
  while (others.at(-1) === "") others.pop();
  return [...others, ...(address ? [`${address} ${TSA_NAME} ${MARK}`] : []), ""].join("\n");
}
