import { defineCommand } from "citty";
import type { StatusData } from "../../model/state/types.ts";
import { select } from "../../model/status/select.ts";
import { isEmpty, renderTabular } from "../../model/status/tabular.ts";
import { all } from "../arguments.ts";
import { LiveView } from "../live-view.ts";
import { askModel, interrupted, MODEL_OPTION, print, say } from "../session.ts";

type Format = "tabular" | "json" | "yaml";

export default defineCommand({
  meta: { name: "status", description: "Show the model: applications, units, machines" },
  args: {
    selector: { type: "positional", description: "Applications, units or machines to show", required: false },
    format: { type: "enum", options: ["tabular", "json", "yaml"], description: "Form", default: "tabular" },
    relations: { type: "boolean", description: "Show relations too" },
    utc: { type: "boolean", description: "Show times in UTC" },
    color: { type: "boolean", description: "Use colours although it is no terminal" },
    watch: {
      type: "boolean",
      description:
        "Show it again whenever something changes, until Ctrl-C; a time after it, as Juju wants one, is not needed",
    },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const options = {
      relations: args.relations === true,
      utc: args.utc === true || process.env["JUJU_STATUS_ISO_TIME"] === "true",
      color: all(data, "color").length > 0 ? args.color === true : process.stdout.isTTY === true,
    };
    const render = async (status: StatusData): Promise<string> => {
      if (args.format === "tabular") return renderTabular(status, options);
      const { statusDocumentOf } = await import("../../model/status/document.ts");
      const { renderDocument } = await import("../documents.ts");
      return renderDocument(statusDocumentOf(status, options.utc), args.format as Exclude<Format, "tabular">);
    };
    if (args.watch === true) return watch(args.model, withoutTimes(args._), render);
    const status = select(await askModel<StatusData>(args.model, "status", {}), args._);
    print(await render(status));
    if (args.format === "tabular" && isEmpty(status)) {
      say(
        args._.length === 0
          ? `\nModel "admin/${status.model.name}" is empty.`
          : `Nothing matched specified filter${args._.length > 1 ? "s" : ""}.`,
      );
    }
  },
});

/** `--watch 5s`: nothing that can be shown is called like a time. */
function withoutTimes(words: readonly string[]): string[] {
  return words.filter((word) => !/^(\d+(ms|s|m|h))+$/.test(word));
}

async function watch(
  model: string | undefined,
  selectors: readonly string[],
  render: (status: StatusData) => Promise<string>,
): Promise<void> {
  const signal = interrupted();
  const view = new LiveView();
  const show = (status: unknown): void =>
    void render(select(status as StatusData, selectors)).then((text) => view.show(text));
  try {
    await askModel(model, "follow", {}, show, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
