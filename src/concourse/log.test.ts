import { expect, test } from "vitest";
import { causeOfEnd, lastError } from "./log.ts";

test("the last error of a log is the cause", () => {
  const line = (level: string, error: string) => JSON.stringify({ level, message: "m", data: { error, session: "1" } });
  const log = [
    line("error", "first"),
    line("error", "operation not permitted"),
    line("info", "x"),
    "plain",
    '{"level":"error"}',
  ];
  expect(lastError(log.join("\n"))).toBe("operation not permitted");
  expect(lastError("nothing\n")).toBeNull();
});

test.each([
  [
    "one line",
    "error: recover overlay mount: operation not permitted\n",
    "recover overlay mount: operation not permitted",
  ],
  [
    "a trace of its parts (7.14.3, port 8079 taken)",
    "error: Exit trace for group:\nweb exited with nil\ndebug exited with error: listen tcp 127.0.0.1:8079: bind: address already in use\n",
    "listen tcp 127.0.0.1:8079: bind: address already in use",
  ],
  ["its log, where it says nothing as it ends", '{"level":"error","data":{"error":"no route"}}\n', "no route"],
  ["nothing", "started\n", null],
])("why a process ended: %s", (_, log, cause) => {
  expect(causeOfEnd(log)).toBe(cause);
});
