/** The report's page in a real browser: needs nothing from anywhere, shows everything, in every width and colour. */

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reportOf } from "../../src/report/compose.ts";
import { html } from "../../src/report/html.ts";
import { timelinePicture } from "../../src/report/timeline.ts";
import { goodEvidence } from "../fixtures/report/evidence.ts";

/** Debian's `chromium`, Ubuntu's, or the one named. */
const BROWSERS = [process.env["CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"];
/** Without the rest, the browser itself calls home at every start. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const report = reportOf(goodEvidence());
let directory: string;
let address: string;
let browser: Browser;

beforeAll(async () => {
  const executablePath = BROWSERS.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("chromium is missing. Run: apt-get install chromium");
  directory = await mkdtemp(join(tmpdir(), "page-"));
  const file = join(directory, "report.html");
  await writeFile(file, html(report));
  address = pathToFileURL(file).href;
  browser = await chromium.launch({ executablePath, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  if (directory !== undefined) await rm(directory, { recursive: true });
});

interface Opened {
  readonly page: Page;
  readonly requests: string[];
  readonly complaints: string[];
}

async function open(width: number, colorScheme: "light" | "dark" = "light", url = address): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url, { waitUntil: "load" });
  return { page, requests, complaints };
}

test("asks nobody for anything, and the browser has nothing to complain of", async () => {
  const { page, requests, complaints } = await open(1200);
  expect(requests).toEqual([address]);
  expect(complaints).toEqual([]);
  expect(await page.evaluate("document.compatMode")).toBe("CSS1Compat");
  await page.close();
});

test("a lane for each unit, its bars side by side, each with its text", async () => {
  const { page } = await open(1200);
  expect(await page.locator("svg text.unit").allTextContents()).toEqual(report.lanes.map(({ unit }) => unit));
  const bars = await page.locator("svg rect").evaluateAll((rects) =>
    rects.map((rect) => {
      const { left, right, top } = rect.getBoundingClientRect();
      return { left, right, top, text: rect.querySelector("title")?.textContent ?? "" };
    }),
  );
  expect(bars).toHaveLength(report.lanes.flatMap(({ spans }) => spans).length);
  for (const [i, bar] of bars.entries()) {
    expect(bar.text).not.toBe("");
    const next = bars[i + 1];
    if (next !== undefined && next.top === bar.top) expect(next.left).toBeGreaterThanOrEqual(bar.right - 2);
  }
  const numbers = await page.locator("svg .milestone text").allTextContents();
  expect(numbers).toEqual(report.milestones.map((_, i) => String(i + 1)));
  await page.close();
});

test("every check and figure is told", async () => {
  const { page } = await open(1200);
  const text = await page.locator("body").innerText();
  for (const { name, evidence } of report.checks) {
    expect(text).toContain(name);
    expect(text).toContain(evidence);
  }
  for (const { name, value } of report.figures) {
    expect(text).toContain(name);
    expect(text).toContain(value);
  }
  expect(text).toContain("Every check holds");
  await page.close();
});

test.each([1600, 1200, 800, 390, 320])("nothing sticks out at a width of %i", async (width) => {
  const { page } = await open(width);
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  const texts = page.locator("td, th, li, p, h1, h2");
  const cut = await texts.evaluateAll(
    (elements, edge) =>
      elements.filter((one) => one.getBoundingClientRect().right > edge).map((one) => one.textContent),
    width + 1,
  );
  expect(cut).toEqual([]);
  await page.close();
});

test("the timeline is a picture of its own, too", async () => {
  const file = join(directory, "timeline.svg");
  await writeFile(file, timelinePicture(report));
  const { page, requests, complaints } = await open(1200, "light", pathToFileURL(file).href);
  expect(requests).toHaveLength(1);
  expect(complaints).toEqual([]);
  expect(await page.locator("text.unit").allTextContents()).toEqual(report.lanes.map(({ unit }) => unit));
  const painted = await page.evaluate(`getComputedStyle(document.querySelector("rect.downloading")).fill`);
  expect(painted).toBe("rgb(47, 111, 222)");
  await page.close();
});

/** Relative luminance of `rgb(r, g, b)`, as WCAG 2.2 defines it. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map(Number).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test.each(["light", "dark"] as const)("texts stand out from a %s page", async (scheme) => {
  const { page } = await open(1200, scheme);
  const background = String(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
  expect(luminance(background) > 0.5).toBe(scheme === "light");
  const colors =
    (await page.evaluate(`[...document.querySelectorAll("h1, .lead, td, th, li, .yes, .legend span, svg text")]
    .map((element) => getComputedStyle(element)[element instanceof SVGElement ? "fill" : "color"])`)) as string[];
  for (const color of new Set(colors)) {
    const [dark = 0, light = 0] = [luminance(color), luminance(background)].toSorted((a, b) => a - b);
    expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
  await page.close();
});
