/** The supervisor's side of its child in the host's network (`outside.ts`). */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { OutsideOrder, OutsideReport } from "./outside.ts";
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

  private constructor(outward: string, child: ChildProcess, inward: Server) {
    this.#outward = outward;
    this.#child = child;
    this.#inward = inward;
    child.on("message", (report) => this.#heard(report as OutsideReport));
  }

  /**
   * Starts the child in the network namespace that descriptor `hostNetwork` of this process holds open. `target` names
   * the address in the model's network that a connection to an exposed application goes to, or null if there is none.
   */
  static async start(options: {
    readonly hostNetwork: number;
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
    const words = [process.execPath, program, options.inward, options.outward];
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

  /** A connection from the host's network to anywhere. */
  async dial(host: string, port: number): Promise<Socket> {
    const socket = connect(this.#outward);
    await once(socket, "connect");
    socket.write(`${JSON.stringify({ host, port })}\n`);
    const answer = await readLine(socket);
    if (answer === "ok") return socket;
    socket.destroy();
    throw new Error(answer);
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
