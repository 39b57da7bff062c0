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
} as const;
