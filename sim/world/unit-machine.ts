/** A machine as a unit finds it. */
import { STORE_PATH } from "../../src/charm/orders.ts";
import { Disk } from "../disk/disk.ts";
import { Machine } from "../disk/machine.ts";
import { PRECIOUS } from "./tamper.ts";

const DIRECTORIES = [
  "/var/lib/concourse-unit",
  "/etc/concourse",
  "/etc/systemd/system",
  "/opt/concourse",
  STORE_PATH,
  PRECIOUS,
];

export function unitMachine(name: string, device: number, now: () => number): Machine {
  const machine = new Machine(name, { now, device });
  for (const path of DIRECTORIES) machine.makeDirectories(path);
  // What is in memory only is no part of what a loss of power leaves.
  for (const [index, point] of ["/proc", "/run"].entries())
    machine.attach(point, new Disk({ device: 300 + index, now }));
  machine.makeDirectories("/run/systemd/units");
  return machine;
}
