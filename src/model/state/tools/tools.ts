import { ACTION_TOOLS } from "./actions.ts";
import { CONFIG_TOOLS } from "./config.ts";
import { GOAL_TOOLS } from "./goal-state.ts";
import { LEADER_TOOLS } from "./leadership.ts";
import { LOG_TOOLS } from "./log.ts";
import { NETWORK_TOOLS } from "./network.ts";
import { PORT_TOOLS } from "./ports.ts";
import { REBOOT_TOOLS } from "./reboot.ts";
import { RELATION_TOOLS } from "./relations.ts";
import { RESOURCE_TOOLS } from "./resources.ts";
import { SECRET_READ_TOOLS } from "./secret-read.ts";
import { SECRET_WRITE_TOOLS } from "./secret-write.ts";
import { SECRET_GRANT_TOOLS } from "./secret-grant.ts";
import { STATE_TOOLS } from "./state.ts";
import { STATUS_TOOLS } from "./status.ts";
import { STORAGE_TOOLS } from "./storage.ts";
import type { Tool } from "./tool.ts";

const ALL: readonly Tool[] = [
  ...ACTION_TOOLS,
  ...CONFIG_TOOLS,
  ...GOAL_TOOLS,
  ...LEADER_TOOLS,
  ...LOG_TOOLS,
  ...NETWORK_TOOLS,
  ...PORT_TOOLS,
  ...REBOOT_TOOLS,
  ...RELATION_TOOLS,
  ...RESOURCE_TOOLS,
  ...SECRET_READ_TOOLS,
  ...SECRET_WRITE_TOOLS,
  ...SECRET_GRANT_TOOLS,
  ...STATE_TOOLS,
  ...STATUS_TOOLS,
  ...STORAGE_TOOLS,
];

/** Every hook command by name: all of them work in every hook, action and exec. */
export const TOOLS: ReadonlyMap<string, Tool> = new Map(ALL.map((tool) => [tool.name, tool]));
