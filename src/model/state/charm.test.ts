import { describe, expect, test } from "vitest";
import { parseCharm } from "./charm.ts";
import { charm, NOTES } from "./testing/charms.ts";

const MINIMAL = "name: tiny\nsummary: s\ndescription: d\n";

describe("a charm's files", () => {
  test("are read", () => {
    const info = charm(NOTES, {
      "config.yaml": "options: {n: {default: 1, type: int, description: x}, s: {description: y}, b: {type: boolean}}",
      "actions.yaml": "go: {params: {x: {type: string}}, required: [x], execution-group: g}\n",
      "lxd-profile.yaml": "config: {security.nesting: 'true'}\ndevices: {gpu: {type: gpu}}\n",
      version: "1.2-3\nrest",
    });
    expect(info).toMatchObject({
      name: "notes",
      endpoints: {
        cluster: { role: "peer", interface: "notes_cluster", limit: 0 },
        db: { role: "requires", interface: "postgresql_client", limit: 1 },
        site: { role: "provides", interface: "http" },
      },
      extraBindings: ["public"],
      options: { n: { type: "int", default: 1 }, s: { type: "string", description: "y" }, b: { type: "boolean" } },
      actions: {
        go: {
          executionGroup: "g",
          parallel: false,
          schema: { required: ["x"], properties: { x: { type: "string" } } },
        },
      },
      resources: { image: { filename: "image.tgz" } },
      bases: [
        { name: "ubuntu", channel: "22.04/stable" },
        { channel: "24.04/stable", architectures: ["amd64"] },
      ],
      profile: { config: { "security.nesting": "true" } },
      version: "1.2-3",
    });
    expect(info.options["s"]).not.toHaveProperty("default");
  });

  test.each([
    ["n", 1],
    ["n-", -1],
    ["n-m", 4],
  ])("storage of %s", (kind, maximum) => {
    const range = { n: "1", "n-": "0-", "n-m": "2-4" }[kind];
    const { storage } = charm(`${MINIMAL}storage: {data: {type: filesystem, multiple: {range: ${range}}}}`);
    expect(storage["data"]?.maximum).toBe(maximum);
  });

  test.each([
    [{ "metadata.yaml": "name: tiny\n" }, "metadata: summary: expected string, got nothing"],
    [{ "metadata.yaml": MINIMAL.replace("tiny", "Tiny") }, 'charm name "Tiny" not valid'],
    [{ "metadata.yaml": "- x" }, "cannot read metadata.yaml: expected map"],
    [{ "metadata.yaml": "a: [" }, "cannot read metadata.yaml"],
    [{ "metadata.yaml": `${MINIMAL}series: [focal]` }, '"series" not valid'],
    [{ "metadata.yaml": `${MINIMAL}peers: {juju-x: {interface: i}}` }, 'reserved relation name: "juju-x"'],
    [
      { "metadata.yaml": `${MINIMAL}peers: {x: {interface: i}}\nrequires: {x: {interface: i}}` },
      'duplicated relation name: "x"',
    ],
    [{ "metadata.yaml": `${MINIMAL}peers: {x: {}}` }, "x.interface: expected string"],
    [
      { "metadata.yaml": `${MINIMAL}storage: {d: {type: filesystem, shared: true}}` },
      "shared storage support not implemented",
    ],
    [{ "metadata.yaml": `${MINIMAL}resources: {r: {type: file}}` }, "missing filename"],
    [
      { "config.yaml": "options: {x: {type: int, default: a}}" },
      'invalid config default: option "x" expected int, got "a"',
    ],
    [{ "config.yaml": "options: {x: {type: list}}" }, 'option "x" has unknown type "list"'],
    [{ "actions.yaml": "Bad: {}" }, "bad action name Bad"],
    [{ "actions.yaml": "juju-x: {}" }, "cannot use action name juju-x"],
    [{ "actions.yaml": "x: {params: {y: {$ref: z}}}" }, 'schema key "$ref" not compatible'],
    [{ "manifest.yaml": "bases: [{name: debian, channel: '12'}]" }, 'os "debian" not valid'],
    [{ "lxd-profile.yaml": "devices: {d: {type: disk}}" }, 'invalid lxd-profile.yaml: contains device type "disk"'],
    [
      { "lxd-profile.yaml": "config: {limits.cpu: '1'}" },
      'invalid lxd-profile.yaml: contains config value "limits.cpu"',
    ],
  ])("%j is refused", (files, message) => {
    expect(() => charm(MINIMAL, files)).toThrow(message);
  });

  test("without dispatch and hooks, or without metadata, are refused", () => {
    expect(() => parseCharm({ "metadata.yaml": MINIMAL })).toThrow(
      'invalid charm "tiny": has no hooks nor dispatch file',
    );
    expect(() => parseCharm({ dispatch: "" })).toThrow("metadata.yaml");
    expect(parseCharm({ "metadata.yaml": MINIMAL, "hooks/install": "" }).name).toBe("tiny");
  });
});
