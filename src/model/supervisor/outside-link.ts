/** The supervisor's side of its child in the host's network (`outside.ts`). */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { Reach } from "../../machines/machine.ts";
import { RefusedError } from "./destinations.ts";
import type { Dialled, OutsideOrder, OutsideReport, Wanted } from "./outside.ts";
import { join, readLine } from "./splice.ts";

export interface Opened {
  readonly application: string;
  readonly unitPort: number;
  readonly hostPort: number;
}

export class OutsideLink {
  readonly #outward: string;
  readonly #child: ChildProcess;
  readonly #inward: Server;
  readonly #waiting = new Map<string, { resolve: (opened: Opened) => void; reject: (error: Error) => void }>();
  readonly #asked = new Map<number, (answer: Buffer | null) => void>();
  #questions = 0;

  private constructor(outward: string, child: ChildProcess, inward: Server) {
    this.#outward = outward;
    this.#child = child;
    this.#inward = inward;
    child.on("message", (report) => this.#heard(report as OutsideReport));
    child.on("exit", () => {
      for (const answer of this.#asked.values()) answer(null);
    });
  }

  /**
   * Starts the child in the network namespace that descriptor `hostNetwork` of this process holds open. `target` names
   * the address in the model's network that a connection to an exposed application goes to, or null if there is none.
   */
  static async start(options: {
    readonly hostNetwork: number;
    readonly reach: Reach;
    readonly inward: string;
    readonly outward: string;
    readonly target: (application: string, port: number) => { host: string; port: number } | null;
    readonly onExit: () => void;
  }): Promise<OutsideLink> {
    rmSync(options.inward, { force: true });
    const inward = createServer((client) => {
      client.on("error", () => client.destroy());
      relayInward(client, options.target).catch(() => client.destroy());
    });
    inward.listen(options.inward);
    await once(inward, "listening");
    const program = fileURLToPath(new URL("./outside.ts", import.meta.url));
    const words = [process.execPath, program, options.inward, options.outward, options.reach];
    const child = spawn("nsenter", [`--net=/proc/${process.pid}/fd/${options.hostNetwork}`, ...words], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.once("exit", options.onExit);
    await once(child, "message");
    return new OutsideLink(options.outward, child, inward);
  }

  /**
   * Opens 127.0.0.1:`hostPort` (or, unless `exact`, the next free one) for an application's `unitPort`.
   * @throws Error with one line if there is no such port.
   */
  open(application: string, unitPort: number, hostPort: number, exact: boolean): Promise<Opened> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(application, { resolve, reject });
      this.#order({ kind: "open", application, unitPort, hostPort, exact });
    });
  }

  close(application: string): void {
    this.#order({ kind: "close", application });
  }

  /** A connection from the host's network. @throws RefusedError for what units may not reach. */
  dial(host: string, port: number): Promise<Socket> {
    return this.#lead({ host, port });
  }

  /** A connection to a name server of the host. */
  dialNameServer(): Promise<Socket> {
    return this.#lead({ host: null });
  }

  /** Puts a question (a DNS message) to the host's name servers; null if none answers. */
  async ask(question: Buffer): Promise<Buffer | null> {
    if (!this.#child.connected) return null;
    const id = this.#questions++;
    const answered = new Promise<Buffer | null>((resolve) => this.#asked.set(id, resolve));
    this.#order({ kind: "ask", id, question: question.toString("base64") });
    return answered.finally(() => this.#asked.delete(id));
  }

  async #lead(wanted: Wanted): Promise<Socket> {
    const socket = connect(this.#outward);
    // Whoever gets it listens for errors too; until then it is told of by what is waited for.
    socket.on("error", () => socket.destroy());
    await once(socket, "connect");
    socket.write(`${JSON.stringify(wanted)}\n`);
    const { message, refused = false } = JSON.parse(await readLine(socket)) as Dialled;
    if (message === undefined) return socket;
    socket.destroy();
    throw refused ? new RefusedError(message) : new Error(message);
  }

  stop(): void {
    this.#inward.close();
    this.#child.removeAllListeners("exit");
    if (this.#child.connected) this.#child.disconnect();
  }

  #order(order: OutsideOrder): void {
    this.#child.send(order);
  }

  #heard(report: OutsideReport): void {
    if (report.kind === "ready") return;
    if (report.kind === "answer")
      return this.#asked.get(report.id)?.(report.answer === null ? null : Buffer.from(report.answer, "base64"));
    const waiting = this.#waiting.get(report.application);
    this.#waiting.delete(report.application);
    if (report.kind === "opened") waiting?.resolve(report);
    else waiting?.reject(new Error(report.message));
  }
}

async function relayInward(
  client: Socket,
  target: (application: string, port: number) => { host: string; port: number } | null,
): Promise<void> {
  const { application, port } = JSON.parse(await readLine(client)) as { application: string; port: number };
  const address = target(application, port);
  if (address === null) return void client.destroy();
  const upstream = connect(address);
  upstream.once("error", () => client.destroy());
  upstream.once("connect", () => join(client, upstream));
}
