/**
 * Everything `store/` and `agent/` await: files, locks, the network, inflating, hashing, processes, time and dice.
 * The real ones are in `host/`; a simulated world brings its own, and then the same code runs from a seed.
 *
 * Failures of files, processes and the network are errors with Node's `code` (`ENOSPC`, `ECONNREFUSED`, …).
 * All times are milliseconds, all sizes bytes.
 */

export interface Ports {
  readonly fs: Fs;
  readonly lock: Lock;
  readonly http: Http;
  readonly inflate: Inflate;
  readonly hash: Hash;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly random: Random;
}

export type FileKind = "file" | "directory" | "link" | "other";

export interface Stat {
  readonly kind: FileKind;
  readonly size: number;
  /** Permission bits with setuid, setgid and sticky (`mode & 0o7777`). */
  readonly mode: number;
  readonly uid: number;
  readonly device: number;
  readonly inode: number;
  readonly links: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
}

export interface Mount {
  /** The kernel's mount id, as in `/proc/self/mountinfo`. */
  readonly id: number;
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** The mount, or the file system under it, is read-only. */
  readonly readOnly: boolean;
}

export interface Space {
  readonly total: number;
  /** Free for us (blocks available to unprivileged users on purpose: the reserve is not ours to fill). */
  readonly free: number;
}

export interface Fs {
  /** Opens a directory by absolute path: the anchor for everything below. `ENOTDIR` if its last component is a link. */
  openDirectory(path: string): Promise<Dir>;
  mounts(): Promise<readonly Mount[]>;
}

/**
 * A directory pinned by descriptor. Every `name` is one component: no slash, not `.` nor `..`, else `EINVAL`. No
 * method follows a symbolic link, and none waits for a FIFO or touches a device.
 */
export interface Dir {
  /** `ENOTDIR` if it is anything but a directory, also for a link to one. */
  openDirectory(name: string): Promise<Dir>;
  makeDirectory(name: string, mode: number): Promise<void>;
  removeDirectory(name: string): Promise<void>;
  /** An existing regular file: `ELOOP` for a link, `ENOTREG` for anything else that is not a regular file. */
  openFile(name: string, access: "read" | "write"): Promise<File>;
  /** A new file for writing; `EEXIST` if the name is taken by anything. */
  createFile(name: string, mode: number): Promise<File>;
  link(name: string, to: Dir, toName: string): Promise<void>;
  symlink(target: string, name: string): Promise<void>;
  readlink(name: string): Promise<string>;
  unlink(name: string): Promise<void>;
  rename(name: string, to: Dir, toName: string): Promise<void>;
  /** Changes a file or directory of ours; `ELOOP` for a link. */
  chmod(name: string, mode: number): Promise<void>;
  lstat(name: string): Promise<Stat>;
  /** Names in byte order. */
  list(): Promise<string[]>;
  /** The directory itself. */
  stat(): Promise<Stat>;
  /** Id of the mount that the directory was opened in. */
  mountId(): Promise<number>;
  space(): Promise<Space>;
  sync(): Promise<void>;
  /** Never fails: whatever the kernel may tell then, `sync` has told of all that matters. */
  close(): Promise<void>;
}

export interface File {
  /** Bytes read, 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of it. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  stat(): Promise<Stat>;
  /** `fsync`. */
  sync(): Promise<void>;
  /** `fdatasync`: also of a file that is still being written, so that the disk works while bytes arrive. */
  syncData(): Promise<void>;
  /** Never fails, as a directory's. */
  close(): Promise<void>;
}

export interface Lock {
  /** Takes the exclusive lock on an existing file without waiting; null if someone else has it. */
  take(directory: Dir, name: string): Promise<Held | null>;
}

/** A lock that is held. The kernel frees it when the process ends, however it ends. */
export interface Held {
  /** False once the file under the name is another one than the one locked: then the lock excludes nobody. */
  valid(): Promise<boolean>;
  /** Never fails. */
  release(): Promise<void>;
}

export interface Proxy {
  readonly http: string | null;
  readonly https: string | null;
  /** Comma-separated hosts, domains (`.example.com`), addresses and CIDR networks that are reached directly. */
  readonly none: string | null;
}

export interface HttpRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "DELETE";
  readonly url: string;
  /** `authorization` and `cookie` are dropped when a redirect leads to another origin. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly proxy?: Proxy;
  /** Until the connection stands, 10 s unless told otherwise. */
  readonly connectTimeout?: number;
  /** Between any two pieces of the answer, 30 s unless told otherwise: then `ETIMEDOUT`. */
  readonly idleTimeout?: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the redirects ended. */
  readonly url: string;
  /** Read once; leaving the loop early ends the connection. A connection cut in mid-body is `ECONNRESET`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection when the body is not wanted. */
  cancel(): void;
}

export interface Http {
  /** Follows up to five redirects; every status is an answer, not an error. */
  send(request: HttpRequest): Promise<HttpResponse>;
}

export interface Inflate {
  /**
   * The contents of a gzip stream, piece by piece, computed away from the main thread.
   * Throws `Z_BUF_ERROR` if the stream ends too early, `Z_DATA_ERROR` if it is damaged or not gzip.
   */
  gunzip(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

export interface Hash {
  sha256(): Hasher;
}

export interface Hasher {
  update(bytes: Uint8Array | string): void;
  /** Lower-case hex; ends the hasher. */
  digest(): string;
}

export interface ExecResult {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Exec {
  /** Runs a program to its end; `ENOENT` if there is none. Killed (SIGKILL) after `timeout`, 60 s unless told otherwise. */
  run(
    argv: readonly string[],
    options?: {
      readonly timeout?: number;
      readonly input?: string;
      readonly environment?: Readonly<Record<string, string>>;
    },
  ): Promise<ExecResult>;
}

export interface Clock {
  /** Milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds from some point on; never goes back. */
  steady(): number;
  /** Ends early, without an error, when the signal is raised. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  uuid(): string;
  bytes(count: number): Uint8Array;
  /** In [0, 1). */
  fraction(): number;
}
