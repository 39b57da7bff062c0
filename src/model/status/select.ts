import type { ApplicationStatus, StatusData } from "../state/types.ts";

/** What `juju status SELECTOR …` leaves: applications, units and machines by name (`*` stands for anything). */
export function select(data: StatusData, selectors: readonly string[]): StatusData {
  if (selectors.length === 0) return data;
  const patterns = selectors.map((selector) => {
    const escaped = selector.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
    return new RegExp(`^${escaped}$`);
  });
  const matches = (name: string): boolean => patterns.some((pattern) => pattern.test(name));
  const applications = Object.entries(data.applications).flatMap(([name, application]) => {
    const units = Object.entries(application.units).filter(
      ([unit, { machine }]) => matches(name) || matches(unit) || matches(machine),
    );
    const kept: [string, ApplicationStatus][] = [[name, { ...application, units: Object.fromEntries(units) }]];
    return matches(name) || units.length > 0 ? kept : [];
  });
  const used = new Set(applications.flatMap(([, { units }]) => Object.values(units).map(({ machine }) => machine)));
  const machines = Object.entries(data.machines).filter(([id]) => used.has(id) || matches(id));
  const named = new Set(applications.map(([name]) => name));
  const relations = data.relations.filter(({ provider, requirer }) =>
    [provider, requirer].every((side) => named.has(side.split(":")[0] ?? "")),
  );
  return {
    ...data,
    applications: Object.fromEntries(applications),
    machines: Object.fromEntries(machines),
    relations,
  };
}
