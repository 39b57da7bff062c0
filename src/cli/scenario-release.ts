/** The release that reports are about. */

export const VERSION = "7.14.3";
/** Bytes a second that it is served with: slow enough to see who holds the lock and who waits. */
export const THROTTLE = 25_000_000;
