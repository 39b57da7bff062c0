/** Names inside an archive: which of them may become files, and where. Pure. */
import { ArchiveError, show } from "./tar-header.ts";
import { MANIFEST } from "./layout.ts";

/** Everything in a Concourse archive lies below this directory, which is stripped. */
const TOP = "concourse";
const LONGEST_PATH = 1024;
const LONGEST_NAME = 255;
const DEEPEST = 32;

/** The components of an entry's name below `concourse/`; empty for that directory itself. */
export function entryPath(name: string): string[] {
  const parts = components(name.replace(/^(?:\.\/)+/, "").replace(/\/$/, ""), name);
  if (parts[0] === "..") {
    throw new ArchiveError(`${show(name)}: leads out of the release`);
  }
  if (name.replace(/^(?:\.\/)+/, "") !== "" && parts[0] !== TOP) {
    throw new ArchiveError(`${show(name)}: is not below ${TOP}/`);
  }
  const below = parts.slice(1);
  if (below.includes("..")) {
    throw new ArchiveError(`${show(name)}: leads out of the release`);
  }
  if (below.length === 1 && below[0]?.toLowerCase() === MANIFEST) {
    throw new ArchiveError(`${show(name)}: a name that is ours`);
  }
  return below;
}

/**
 * Where a symbolic link in `directory` leads, as components from the top. `..` may only stand at its beginning: the
 * directory above a link that lies on the way would be another one than the text says.
 */
export function linkPath(directory: readonly string[], target: string, link: string): string[] {
  if (target === "") {
    throw new ArchiveError(`${show(link)}: a link that leads nowhere`);
  }
  const parts = components(target.replace(/\/$/, ""), link);
  const up = parts.findIndex((part) => part !== "..");
  const ups = up === -1 ? parts.length : up;
  const down = parts.slice(ups);
  if (ups > directory.length || down.includes("..")) {
    throw new ArchiveError(`${show(link)}: a link that leads out of the release`);
  }
  return [...directory.slice(0, directory.length - ups), ...down];
}

/** Two names that some file system, or some reader, could take for one. */
export function folded(path: string): string {
  return path.normalize("NFC").toLowerCase().normalize("NFC");
}

function components(path: string, shown: string): string[] {
  if (path.startsWith("/")) {
    throw new ArchiveError(`${show(shown)}: an absolute name`);
  }
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ArchiveError(`${show(shown)}: a name of more than ${LONGEST_PATH} bytes`);
  }
  const parts = path === "" || path === "." ? [] : path.split("/");
  const bad = parts.some((part) => part === "" || part === "." || Buffer.byteLength(part) > LONGEST_NAME);
  if (bad || parts.length > DEEPEST || /[\u0000-\u001f\u007f\\]/.test(path)) {
    throw new ArchiveError(`${show(shown)}: a name that no release has`);
  }
  return parts;
}
