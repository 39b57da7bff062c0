/** What several commands take alike. */
export const MACHINES_OPTIONS = {
  machines: {
    type: "string",
    description: "Kind of machines: incus, lxd or namespaces",
    valueHint: "KIND",
    default: "namespaces",
  },
  image: {
    type: "string",
    description: "Image that containers boot, from a remote of Incus or LXD (default: one built here)",
    valueHint: "REMOTE:ALIAS",
    default: "",
  },
} as const;
