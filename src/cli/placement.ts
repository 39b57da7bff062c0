import { UserError } from "../errors.ts";
import { say } from "./session.ts";

export const PLACEMENT_OPTION = {
  to: {
    type: "string",
    description: "Numbers of machines that are there, one a unit; further units get new ones",
    valueHint: "MACHINE[,MACHINE]",
  },
} as const;

/**
 * `--to 0,1` as Juju's client reads it (Juju 3.6, cmd/juju/application/addunit.go: UnitCommandBase.Init): more machines
 * than units are a warning. Containers and zones the local model has none of.
 */
export function placement(text: string | undefined, units: number): string[] {
  if (text === undefined) return [];
  const machines = text.split(",");
  const odd = machines.find((machine) => !/^(?:0|[1-9]\d*)$/.test(machine));
  if (odd !== undefined) {
    throw new UserError(
      `invalid --to parameter "${odd}"`,
      "Give the number of a machine that concourse-machine status lists, as in --to 0; a local model has no containers or zones",
    );
  }
  if (machines.length > units)
    say(`WARNING ${units} unit(s) will be deployed, extra placement directives will be ignored`);
  return machines.slice(0, units);
}
