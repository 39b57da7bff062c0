import type { Ports } from "../ports.ts";

/** What the store needs of the world. */
export type StorePorts = Pick<Ports, "fs" | "lock" | "http" | "inflate" | "hash" | "clock" | "random">;
