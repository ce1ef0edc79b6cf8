/** A real Chromium, Debian's, and what its pages must never do. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { has } from "../required.ts";
import type { AtEnd } from "./lossi.ts";

export const hasChromium = has("chromium", "chromium", ["--version"]);

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Starts it; `atEnd` hears how to close it. */
export async function openBrowser(atEnd: AtEnd): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  atEnd(() => browser.close());
  return browser;
}

export type Visit = {
  page: Page;
  /** Errors of the console, among them what the content security policy refused, and requests to other origins. */
  problems: string[];
  /** What was asked in dialogs; all are answered with yes. */
  questions: string[];
};

/** A page of a window of its own, with what it did wrong. */
export async function visit(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: "en-GB", baseURL: origin, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  const questions: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`${page.url()} asked for ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    questions.push(dialog.message());
    void dialog.accept();
  });
  return { page, problems, questions };
}

/** What axe-core finds against WCAG 2.2 AA, a line each; `rules` asks for these alone. */
export async function barriers(page: Page, rules?: string[]): Promise<string[]> {
  // The page's policy lets no script in, but not the debugger's.
  if (await page.evaluate("!('axe' in window)")) await page.evaluate(axe);
  const only = rules === undefined ? { type: "tag", values: RULES } : { type: "rule", values: rules };
  const found = await page.evaluate<AxeResults>(
    `axe.run(document, { runOnly: ${JSON.stringify(only)}, resultTypes: ["violations"] })`,
  );
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 150)} ${failureSummary}`),
  );
}

/** How much wider the page itself is than its window, in pixels. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
