/** What Juju says in the environment of a dispatch (Juju 3.6, internal/worker/uniter/runner/context/context.go, HookVars). */
export interface HookEnvironment {
  /** `app/0` */
  readonly unit: string;
  readonly application: string;
  readonly modelUuid: string;
  readonly charmDirectory: string;
  readonly event: { readonly kind: "hook"; readonly name: string } | { readonly kind: "action"; readonly name: string };
  /** The unit that goes, in a departed hook; it is our own when we do. */
  readonly departingUnit: string | null;
  /**
   * In a broken hook: the relation that has ended for this unit, such as `postgresql:4`. Juju goes on listing it until the
   * hook has run (Juju 3.6 and 4.0, internal/worker/uniter/relation/statetracker.go).
   */
  readonly endedRelation: string | null;
  readonly proxies: { readonly http: string | null; readonly https: string | null; readonly none: string | null };
}

/**
 * @throws Error if this is not the environment of a dispatch.
 */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): HookEnvironment {
  const required = (name: string): string => {
    const value = variables[name];
    if (value === undefined || value === "")
      throw new Error(`${name} is not set: this program is run by Juju's unit agent`);
    return value;
  };
  const optional = (name: string): string | null => variables[name] || null;
  const unit = required("JUJU_UNIT_NAME");
  const [kind, name] = splitOnce(required("JUJU_DISPATCH_PATH"), "/");
  const broken = kind === "hooks" && name.endsWith("-relation-broken");
  return {
    unit,
    application: splitOnce(unit, "/")[0],
    modelUuid: required("JUJU_MODEL_UUID"),
    charmDirectory: optional("JUJU_CHARM_DIR") ?? required("CHARM_DIR"),
    event: kind === "actions" ? { kind: "action", name } : { kind: "hook", name },
    departingUnit: optional("JUJU_DEPARTING_UNIT"),
    endedRelation: broken ? optional("JUJU_RELATION_ID") : null,
    proxies: {
      http: optional("JUJU_CHARM_HTTP_PROXY"),
      https: optional("JUJU_CHARM_HTTPS_PROXY"),
      none: optional("JUJU_CHARM_NO_PROXY"),
    },
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
