/** What several commands take alike. */
export const MACHINES_OPTIONS = {
  machines: {
    type: "string",
    description: "incus, lxd or namespaces (default: one whose daemon answers, else namespaces)",
    valueHint: "KIND",
  },
  image: {
    type: "string",
    description: "Image that containers boot, from a remote of Incus or LXD (default: one built here)",
    valueHint: "REMOTE:ALIAS",
    default: "",
  },
  "agent-version": {
    type: "string",
    description: "Juju that the model plays: 3.6 or 4.0 (default: 3.6)",
    valueHint: "VERSION",
    default: "",
  },
} as const;
