import { describe } from "vitest";
import { wayOutHolds } from "./way-out.ts";

describe("the way out of machines of namespaces", () => {
  wayOutHolds("namespaces");
});
