/** What can be wrong with a mirror. Each fault is switched on and off at run time; they can be combined. */

export interface Faults {
  /** Connections are refused. */
  readonly down: boolean;
  /** Answers to archive requests begin and then send no more bytes, until switched off. */
  readonly stall: boolean;
  /** The connection breaks after so many bytes of an archive's body. `once`: only the first answer it hits. */
  readonly cut: { readonly afterBytes: number; readonly times: "once" | "always" } | null;
  /** Every request is answered with this status. `retryAfter`: seconds, sent as `Retry-After`. */
  readonly status: { readonly code: number; readonly retryAfter?: number } | null;
  /** A web page with status 200 in place of an archive, as captive portals send. */
  readonly html: boolean;
  /** The archive ends `bytes` early. `length`: what Content-Length says of it. */
  readonly truncated: { readonly bytes: number; readonly length: "right" | "wrong" } | null;
  /** The byte at this offset of the archive is sent inverted. */
  readonly flippedByte: number | null;
  /** `wrong`: a digest of something else; `missing`: 404; `malformed`: text that is no digest. */
  readonly digest: "wrong" | "missing" | "malformed" | null;
}

export const NO_FAULTS: Faults = {
  down: false,
  stall: false,
  cut: null,
  status: null,
  html: false,
  truncated: null,
  flippedByte: null,
  digest: null,
};
