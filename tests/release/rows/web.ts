/** How long the API is away when the web is started again, with somebody in the middle of a request. */

import { once } from "node:events";
import { connect } from "node:net";
import { WEB } from "../../e2e/concourse.ts";
import { WebPoll, type Answer } from "../../e2e/web-poll.ts";
import { holds, type Row } from "../row.ts";
import { seconds, until, type World } from "../world.ts";

/** What is aimed at, and what a busy machine keeps too, in seconds: a web that waits for its requests takes a minute. */
export const AIM = 5;
export const BOUND = 15;

/** The longest time between two good answers, in seconds, to a tenth. */
export function longestGap(answers: readonly Answer[]): number {
  const good = answers.filter(({ version }) => version !== null).map(({ at }) => at);
  const gaps = good.map((at, i) => at - (good[i - 1] ?? at));
  return Math.round(Math.max(0, ...gaps) / 100) / 10;
}

/** Restarts the web as systemd does, and waits until it answers. Seconds for which the API was away. */
export async function restartWeb(world: World): Promise<number> {
  const { web } = await world.concourse.roles();
  const poll = new WebPoll(world.url);
  poll.begin();
  const answering = (): Promise<boolean> =>
    fetch(`${world.url}/api/v1/info`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until("the web answers", 30, answering);
  await world.concourse.inUnit(web, `systemctl restart ${WEB}`);
  await until("the web answers again", 120, answering);
  return longestGap(await poll.end());
}

/** A login whose body does not come: to the web it is a request under way, like a stream of events. */
async function openRequest(url: string): Promise<() => void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const head = `POST /sky/issuer/token HTTP/1.1\r\nHost: ci\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant`;
  await new Promise<void>((resolve) => void socket.write(head, () => resolve()));
  return () => void socket.destroy();
}

export const openRequests: Row = {
  id: "web-restart-open-request",
  name: `Restart of the web with a request under way: the API is away for some seconds (aim: ${AIM} s)`,
  async run(world) {
    const close = await openRequest(world.url);
    try {
      const away = await restartWeb(world);
      holds(away <= BOUND, `the API was away for ${away} s`);
      return `away for ${away} s`;
    } finally {
      close();
    }
  },
};

export const patience: Row = {
  id: "web-sigterm-open-request",
  name: "Told to end with a request under way, the web listens no more and waits for it, a minute at most",
  async run(world) {
    const { web } = await world.concourse.roles();
    const before = await world.concourse.mainPid(web, WEB);
    const close = await openRequest(world.url);
    try {
      const began = performance.now();
      // Past systemd, whose own patience is shorter.
      await world.concourse.inUnit(web, `kill -TERM ${before}`);
      const gone = async (): Promise<boolean> => (await world.concourse.mainPid(web, WEB)) !== before;
      await until("the web listens no more", 10, async () =>
        fetch(`${world.url}/api/v1/info`).then(
          () => false,
          () => true,
        ),
      );
      holds(!(await gone()), "it has ended already");
      await until("it ends", 80, gone);
      const took = seconds(began);
      holds(took > 55, `it ended after ${took} s`);
      return `ended after ${took} s`;
    } finally {
      close();
    }
  },
};
