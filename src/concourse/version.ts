const PATTERN = /^(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})$/;

/** True for a Concourse version as its releases are named: three numbers, no leading v, no pre-release. */
export function isVersion(text: string): boolean {
  return PATTERN.test(text);
}
