import { expect, onTestFinished, test } from "vitest";

import { operationsOf } from "../api/document.ts";
import { hasChromium, openBrowser, visit } from "./browser.ts";
import { startLossi, until } from "./lossi.ts";

test.skipIf(!hasChromium)(
  "/docs shows every operation and performs one, and the browser finds nothing to complain of",
  async () => {
    const lossi = await startLossi();
    const { json: document } = await lossi.call("GET", "/openapi.json");
    const { page, problems } = await visit(await openBrowser(onTestFinished), lossi.url);
    await page.goto("/docs#/artifacts/fetchStatus");
    await until(async () => (await page.locator(".opblock").count()) === operationsOf(document).length);
    await page.locator(".try-out__btn").click();
    // Its example has a body, which no browser sends on GET.
    await page.locator(".execute").click();
    const answer = page.locator(".live-responses-table tbody .response-col_status");
    // Nothing is configured yet.
    await answer.getByText("409").first().waitFor();
    expect(problems.filter((line) => !line.includes("409 (Conflict)"))).toEqual([]);
  },
);
