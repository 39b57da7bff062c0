/** Finds the database that takes writes and puts its rights right; then sees to it that it stays. */
import type { DatabaseOrders } from "../contract.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

const FAILING_MS = 5_000;
const READY_MS = 10_000;

export function databaseTask({ ports }: TaskWorld): Task<DatabaseOrders> {
  return {
    name: "database",
    rest: { database: null },
    needs: ({ database }) => database,
    begin: (orders) => async (io) => {
      const database = await ports.database.prepare(orders);
      io.report({ database });
      return database.ready ? READY_MS : FAILING_MS;
    },
  };
}
