import { expect, test } from "vitest";

import { operationsOf } from "../api/document.ts";
import { has } from "../required.ts";
import { startBrowser } from "./browser.ts";
import { startLossi, until } from "./lossi.ts";

const browser = has("browser", "chromedriver", ["--version"]);

test.skipIf(!browser)(
  "/docs shows every operation and performs one, and the browser finds nothing to complain of",
  async () => {
    const lossi = await startLossi();
    const { json: document } = await lossi.call("GET", "/openapi.json");
    const page = await startBrowser();
    await page.open(`${lossi.url}/docs#/artifacts/fetchStatus`);
    const count = (selector: string) => page.evaluate(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
    const click = (selector: string) => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
    await until(async () => (await count(".opblock")) === operationsOf(document).length);
    await until(() => count(".try-out__btn"));
    await click(".try-out__btn");
    await until(() => count(".execute"));
    // Its example has a body, which no browser sends on GET.
    await click(".execute");
    const answer = await until(() =>
      page.evaluate(`document.querySelector(".live-responses-table tbody .response-col_status")?.innerText`),
    );
    // Nothing is configured yet.
    expect(String(answer)).toContain("409");
    const complaints = await page.complaints();
    expect(complaints.filter((line) => !line.includes("409 (Conflict)"))).toEqual([]);
  },
);
