import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Browser, Page } from "playwright-core";

import { CONFIGURATION_DOCUMENT } from "#shared/configuration.ts";

import { platformsOnly } from "./edge.ts";
import { barriers, hasChromium, openBrowser, overflow, visit } from "./browser.ts";
import type { Visit } from "./browser.ts";
import { NONE, endOfFile, ended, manifestsWith, startPlatform, stateOf, until } from "./lossi.ts";
import type { Platform } from "./lossi.ts";
import { LETTERS, USER, USERS_JOBS, load, poison } from "./monitor-load.ts";

platformsOnly("its store is poisoned, and its state is looked into");

const ZONE = "Pacific/Auckland";
const ATTEMPTS = 5;
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 900 };

const EMPTY: Record<string, string> = {
  "/": "lossi has no configuration yet",
  "/monitor/tasks": "No task yet",
  "/monitor/runs": "No job has begun yet",
  "/monitor/events": "No event was delivered yet",
  "/monitor/forwards": "Nothing is forwarded",
  "/monitor/automations": "Nothing is watched",
  "/monitor/dead-letters": "None: every event was delivered",
  "/monitor/logs?function=schedule": "No line fits",
};

describe.skipIf(!hasChromium)("the monitor in Chromium", () => {
  let lossi: Platform;
  let browser: Browser;
  let here: Visit;
  let page: Page;
  const atEnd = endOfFile();

  beforeAll(async () => {
    const manifests = manifestsWith({ LOSSI_TASK_ATTEMPTS: String(ATTEMPTS) }, atEnd);
    lossi = await startPlatform({ manifests, atEnd });
    browser = await openBrowser(atEnd);
    here = await visit(browser, lossi.url, { timezoneId: ZONE, viewport: DESK });
    page = here.page;
  });
  afterEach(() => {
    here.questions.splice(0);
    // oxlint-disable-next-line vitest/no-standalone-expect -- it ends every test
    expect(here.problems.splice(0)).toEqual([]);
  });

  const task = async (id: string) => (await lossi.call("GET", `/tasks/${id}`)).json;
  const tasks = async (query: string): Promise<any[]> => (await lossi.call("GET", `/tasks?${query}`)).json.tasks;
  const submit = async (path: string, body: object = {}): Promise<string> =>
    (await lossi.call("POST", path, body)).json.output;
  const show = async (path: string): Promise<void> => {
    await page.goto(path);
    await page.locator("#link", { hasText: "live" }).waitFor();
  };
  const text = (): Promise<string> => page.locator("main").innerText();
  const says = (words: string | RegExp) => page.locator("#said").filter({ hasText: words }).waitFor();
  const ids = (): Promise<string[]> =>
    page.locator("tbody tr").evaluateAll((rows) => rows.map(({ id }: { id: string }) => id.replace("task-", "")));
  const choice = (label: string) => page.getByRole("combobox", { name: label, exact: true });
  /** Fills a filter in, sends it, and answers the tasks that are shown then. */
  const filtered = async (values: Record<string, string>): Promise<string[]> => {
    await show("/monitor/tasks");
    for (const [label, value] of Object.entries(values)) {
      if (["State", "Function"].includes(label)) await choice(label).selectOption(value);
      else await page.getByLabel(label, { exact: true }).fill(value);
    }
    await Promise.all([page.waitForURL(/\?/), page.getByRole("button", { name: "Filter" }).click()]);
    await page.locator("#link", { hasText: "live" }).waitFor();
    return ids();
  };

  /** Nothing in the way of anybody, in both schemes and on a phone. */
  const check = async (path: string): Promise<void> => {
    expect(await barriers(page), path).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await barriers(page, ["color-contrast"]), `${path} in the dark`).toEqual([]);
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(PHONE);
    expect(await overflow(page), `${path} on a phone`).toBeLessThanOrEqual(0);
    expect(await barriers(page, ["target-size", "scrollable-region-focusable"]), `${path} on a phone`).toEqual([]);
    await page.setViewportSize(DESK);
  };

  test("says what to do before there is anything", async () => {
    for (const [path, words] of Object.entries(EMPTY)) {
      await show(path);
      expect(await text()).toContain(words);
      await check(path);
    }
    await page.goto("/monitor/nothing");
    expect(await text()).toMatch(/404\s+nothing answers GET \/monitor\/nothing/);
    await check("the error page");
    // The browser itself tells of an answer that is an error.
    expect(here.problems.splice(0)).toEqual([expect.stringContaining("404")]);
  });

  test("without JavaScript filters work", async () => {
    const { page: bare, problems } = await visit(browser, lossi.url, { javaScriptEnabled: false });
    await bare.goto("/monitor/tasks");
    await bare.getByLabel("Text", { exact: true }).fill("no such thing");
    await bare.getByLabel("From", { exact: true }).fill("2026-01-01T00:00:00");
    await bare.getByRole("button", { name: "Filter" }).click();
    await bare.getByText("No task fits").waitFor();
    expect(await bare.getByLabel("From", { exact: true }).inputValue()).toMatch(/^2026-01-01T00:00/);
    expect(problems).toEqual([]);
    await bare.context().close();
  });

  test("on paper, text is not cut off, and nothing stands there to click", async () => {
    await show("/monitor/logs");
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    const look = (selector: string, property: string): Promise<string> =>
      page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
    expect(await look(".lines", "maxHeight")).toBe("none");
    expect(await look("header", "display")).toBe("none");
    expect(await look("body", "backgroundColor")).toBe("rgb(251, 251, 250)");
    await page.emulateMedia({ media: "screen", colorScheme: "light" });
  });

  describe("under load", () => {
    beforeAll(() => load(lossi));

    test("every view can be read by everybody", async () => {
      const [failed] = await tasks("status=FAILURE&limit=1");
      const paths = [
        "/",
        "/monitor/tasks",
        `/monitor/tasks?status=SUCCESS&function=orchestration&text=train&order=oldest`,
        `/monitor/tasks/${failed.id}`,
        "/monitor/runs",
        "/monitor/runs/none-submitter-none-none/1",
        "/monitor/runs/none-submitter-none-none/2",
        "/monitor/events",
        "/monitor/events?type=dev.lossi.object.created.v1",
        "/monitor/forwards",
        "/monitor/automations",
        "/monitor/dead-letters",
        "/monitor/logs",
      ];
      for (const path of paths) {
        await show(path);
        await check(path);
      }
      await page.goto("/monitor/tasks/nobody");
      expect(await text()).toContain("no task has this id");
      await check("the error page");
      expect(here.problems.splice(0)).toEqual([expect.stringContaining("404")]);
    });

    test("now: the figures are the ledger's", async () => {
      await show("/");
      const { tasks: counts, deadLetters } = (await lossi.call("GET", "/status")).json;
      for (const [status, count] of Object.entries(counts.byStatus))
        expect(await page.locator(`#count-${status}`).innerText()).toMatch(new RegExp(`^${String(count)}\\s`));
      expect(await text()).toMatch(new RegExp(`${deadLetters}\\s+dead letters`));
    });

    test("tasks: filters and pages show what the ledger has", async () => {
      const all = (await tasks("limit=1000")).map(({ id }) => id);
      const expected = async (query: string) => (await tasks(`limit=50&${query}`)).map(({ id }) => id);
      expect(await filtered({ State: "FAILURE" })).toEqual(await expected("status=FAILURE"));
      expect(await filtered({ Function: "artifacts" })).toEqual(await expected("function=artifacts"));
      const theirs = await filtered({ User: USER });
      expect(theirs).toEqual(await expected(`user=${USER}`));
      expect(theirs).toHaveLength(USERS_JOBS);
      expect(await filtered({ Text: "train-42.sh" })).toEqual(await expected("text=train-42.sh"));
      expect(await filtered({ State: "SUCCESS", Text: "no such thing" })).toEqual([]);
      expect(await text()).toContain("No task fits");

      await show("/monitor/tasks");
      const seen = await ids();
      for (let older = page.getByRole("link", { name: "Older" }); (await older.count()) > 0;) {
        await older.click();
        await until(async () => !seen.includes((await ids())[0] ?? ""));
        seen.push(...(await ids()));
      }
      expect(seen).toEqual(all);
      await page.getByRole("link", { name: "Oldest" }).click();
      await until(async () => (await ids()).at(-1) === all.at(-1));
      expect(await ids()).toEqual(all.slice(-50));
      await page.getByRole("link", { name: "Newer" }).click();
      await until(async () => (await ids()).at(-1) === all.at(-51));
      expect(await ids()).toEqual(all.slice(-100, -50));
      await page.getByRole("link", { name: "Newest" }).click();
      await until(async () => (await ids())[0] === all[0]);
    });

    test("tasks: times are in the reader's zone, also in the filter", async () => {
      const [{ createdAt, id }] = (await tasks(`user=${USER}&limit=1`)) as [any];
      await filtered({ Text: id });
      const time = page.locator(`#task-${id} time`);
      const zoned = (options: Intl.DateTimeFormatOptions) =>
        new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, ...options }).format(createdAt);
      await expect.poll(() => time.innerText()).toBe(zoned({ timeStyle: "medium" }));
      const title = await time.getAttribute("title");
      expect(title).toContain(zoned({ weekday: "long" }));
      expect(title).toContain(new Date(createdAt).toISOString());

      // As the field wants it: 2026-11-28T23:37:05.
      const local = (at: number) =>
        new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short", timeStyle: "medium" })
          .format(at)
          .replace(" ", "T");
      const from = Math.floor(createdAt / 1000) * 1000;
      const [since, until] = [from, from + 1000].map((at) => new Date(at).toISOString());
      const there = await tasks(`since=${since}&until=${until}&limit=50`);
      await filtered({ From: local(from), To: local(from + 1000) });
      await expect.poll(ids).toEqual(there.map((one) => one.id));
      expect(there.map((one) => one.id)).toContain(id);
      expect(await page.getByLabel("From", { exact: true }).inputValue()).toBe(local(from));
      await page.getByRole("link", { name: "Clear" }).click();
      await page.waitForURL(/tasks$/);
    });

    test("dead letters: one and several are redriven and dropped", async () => {
      const letters = async (): Promise<string[]> =>
        (await lossi.call("GET", "/dead-letters")).json.deadLetters.map(({ id, at }: any) => `${id} ${at}`);
      await show("/monitor/dead-letters");
      const rows = page.locator("tbody tr");
      expect(await rows.count()).toBe(LETTERS);
      await rows.first().getByRole("button", { name: "Drop" }).click();
      await until(async () => (await letters()).length === LETTERS - 1);
      expect(here.questions).toEqual(["Drop this letter? Its event is gone then."]);
      await until(async () => (await rows.count()) === LETTERS - 1);

      // Nothing was mended, so what is redriven comes back later.
      const before = await letters();
      await rows.first().getByRole("button", { name: "Redrive" }).click();
      await says(/^Redrive: done/);
      await until(async () => (await letters()).some((id) => !before.includes(id)));
      await page.getByRole("button", { name: "Drop the chosen" }).click();
      await says("Choose some letters first");
      await until(async () => (await rows.count()) === LETTERS - 1);
      const again = await letters();
      for (const n of [0, 1]) await rows.nth(n).getByRole("checkbox").check();
      await page.getByRole("button", { name: "Redrive the chosen" }).click();
      await says("redrive: 2 done");
      await until(async () => (await letters()).filter((id) => !again.includes(id)).length === 2);
      await until(async () => (await rows.count()) === LETTERS - 1);
      await page.getByLabel("all", { exact: true }).check();
      await page.getByRole("button", { name: "Drop the chosen" }).click();
      await until(async () => (await letters()).length === 0);
      await page.getByText("None: every event was delivered").waitFor();
    });

    test("forwards: where they lead was looked at; one is extended, one is stopped", async () => {
      const forwards = async (): Promise<any[]> => (await lossi.call("GET", "/forwards")).json.forwards;
      await show("/monitor/forwards");
      await page.locator("tr", { hasText: "none-1-logs" }).getByText("up", { exact: true }).waitFor();
      const [one] = await forwards();
      await page.getByRole("button", { name: `Extend ${one.name}` }).click();
      await says(/^Extend: done/);
      await until(async () => (await forwards()).find(({ name }) => name === one.name).expiresAt > one.expiresAt);
      await page.getByRole("button", { name: `Stop ${one.name}` }).click();
      await says(/^Stop: done \(task/);
      expect(here.questions).toEqual([`Stop ${one.name}? Its connections are cut.`]);
      await until(async () => (await forwards()).every(({ name }) => name !== one.name));
      await page.getByText(one.name, { exact: true }).waitFor({ state: "detached" });
    });

    test("automations: one is switched off and on", async () => {
      const isOn = async () => (await lossi.call("GET", "/automation/nightly")).json.output.enabled;
      await show("/monitor/automations");
      await page.getByRole("button", { name: "Switch off nightly" }).click();
      await page.getByRole("button", { name: "Switch on nightly" }).waitFor();
      expect(await isOn()).toBe(false);
      await page.getByRole("button", { name: "Switch on nightly" }).click();
      await page.getByRole("button", { name: "Switch off nightly" }).waitFor();
      expect(await isOn()).toBe(true);
    });

    test("events: a test event is filled in, sent, and seen at who got it", async () => {
      await show("/monitor/events");
      await choice("Type").selectOption("dev.lossi.object.created.v1");
      await page.getByRole("button", { name: "Fill in" }).click();
      await page.waitForURL(/type=.*#send$/);
      await page.locator("#link", { hasText: "live" }).waitFor();
      // Below many events, the form is in sight all the same.
      const height = page.viewportSize()?.height ?? 0;
      await until(async () => ((await page.locator("#send").boundingBox())?.y ?? height) < height);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await says(/^Not sent: body: data/);
      const fields = { bucket: "by-hand", key: "JOBS/1", size: "1", etag: "x", lastModified: "2026-01-01T00:00:00Z" };
      for (const [name, value] of Object.entries(fields)) await page.getByLabel(name, { exact: true }).fill(value);
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await says(/^Sent as/);
      const id = /Sent as (\S+)\./.exec(await page.locator("#said").innerText())?.[1] ?? "";
      const way = page.locator(`[id="event-${id}"]`);
      await way.getByText("automation-on-object-created").waitFor();
      await way.getByText("collector-on-object-created").waitFor();
      expect(await way.getByText("202").count()).toBeGreaterThan(0);
      expect(await page.getByLabel("bucket", { exact: true }).inputValue()).toBe("by-hand");
      // The refused one.
      expect(here.problems.splice(0)).toEqual([expect.stringContaining("400")]);
    });

    test("logs: of a function that sleeps, with a search, and followed or not", async () => {
      const asleep = await until(async () => {
        const { functions } = (await lossi.call("GET", "/status")).json;
        return functions.find((one: any) => one.state === "asleep" && one.wokeAt !== null);
      }, 80);
      await show("/monitor/logs");
      await choice("Function").selectOption(asleep.name);
      await page.getByRole("button", { name: "Show" }).click();
      await page.waitForURL(/function=/);
      const names = await page.locator(".lines li b").allInnerTexts();
      expect([...new Set(names)]).toEqual([asleep.name]);

      await show("/monitor/logs");
      await page.getByLabel("Text").fill("a-word-of-mine");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("No line fits").waitFor();
      const call = (n: number) => lossi.call("GET", `/tasks/a-word-of-mine-${n}`);
      await call(1);
      const line = (n: number) => page.locator(".lines li", { hasText: `a-word-of-mine-${n}` });
      await line(1).waitFor();
      await page.getByLabel("follow").uncheck();
      await page.locator("#link", { hasText: "paused" }).waitFor();
      await call(2);
      await until(async () => (await lossi.call("GET", "/logs?text=a-word-of-mine-2")).json.lines.length > 0);
      await page.waitForTimeout(1500);
      expect(await line(2).count()).toBe(0);
      await page.getByLabel("follow").check();
      await line(2).waitFor();
    });

    test("a failing task says what failed, how often, when it is tried again, and what to do", async () => {
      const { page: second, questions, problems } = await visit(browser, lossi.url);
      const store = poison(lossi.home);
      onTestFinished(store.mend);
      const id = await submit("/interaction/orch/start/5");
      await show(`/monitor/tasks/${id}`);
      const waitsLongest = (one: string) =>
        until(async () => {
          const { status, attempts } = await task(one);
          return status === "RETRY" && attempts === ATTEMPTS - 1;
        });
      // The page was opened before, and is not loaded again.
      await waitsLongest(id);
      await page.getByText(`attempt ${ATTEMPTS - 1} failed`).waitFor();
      await page.getByRole("heading", { name: "RETRY" }).waitFor();
      const waiting = await text();
      expect(waiting).toMatch(new RegExp(`Tried\\s+${ATTEMPTS - 1} times`));
      expect(waiting).toMatch(/Why it waits\s+the files store cannot be used/);
      expect(waiting).toMatch(/Tried again\s+by itself, at about \d\d:\d\d:\d\d/);
      expect(waiting).toMatch(/What to do\s+Nothing, if the cause may pass.*Cancel ends it/);
      const planned = Date.parse((await page.locator(".summary time").getAttribute("datetime")) ?? "");

      const other = await submit("/interaction/orch/start/6");
      await second.goto(`/monitor/tasks/${other}`);
      await waitsLongest(other);
      await second.getByRole("button", { name: "Cancel" }).click();
      await second.getByText("It was cancelled. Redrive takes it up again").waitFor();
      expect(await task(other)).toMatchObject({ status: "FAILURE", reason: "cancelled" });
      expect([questions, problems]).toEqual([["Cancel this task? It ends as FAILURE."], []]);
      await second.context().close();

      await page.getByRole("heading", { name: "FAILURE" }).waitFor();
      // A busy machine is late; too early would be a wrong promise.
      expect((await task(id)).startedAt - planned).toBeGreaterThan(-3500);
      const failed = await text();
      expect(failed).toMatch(/Why it failed\s+gave up after 5 attempts: the files store cannot be used/);
      expect(failed).toMatch(/Tried\s+5 times/);
      expect(failed).toMatch(/Tried again\s+no: it has ended/);
      expect(failed).toMatch(/What to do\s+The cause outlasted the attempts. Mend what the reason names, then Redrive/);
      for (let n = 1; n <= ATTEMPTS; n++) expect(failed).toContain(`attempt ${n} failed`);
      await check("a task after its retries");
    });

    test("a task that fails at once says that its request is wrong", async () => {
      const [{ id }] = (await tasks("status=FAILURE&function=artifacts&limit=1")) as [any];
      await show(`/monitor/tasks/${id}`);
      const words = await text();
      expect(words).toMatch(/Why it failed\s+there is no job 10000\d: no JOBS/);
      expect(words).toMatch(/Tried\s+1 time\b/);
      expect(words).toMatch(
        /What to do\s+The same request fails again. Change what the reason names, and send a new one/,
      );
      await page.getByRole("button", { name: "Replay as a new task" }).click();
      await says(/^Replay as a new task: done \(task/);
      const replay = /task ([0-9a-f-]{36})/.exec(await page.locator("#said").innerText())?.[1] ?? "";
      expect(await task(replay)).toMatchObject({ replayOf: id });
      await ended(lossi, replay);
    });

    test("by keyboard: past the links, through a filter, to a redrive that succeeds", async () => {
      const press = (key: string) => page.keyboard.press(key);
      const focused = (): Promise<string> =>
        page.evaluate("(document.activeElement.textContent || document.activeElement.name).trim()");
      await show("/monitor/tasks");
      await press("Tab");
      expect(await focused()).toBe("Skip to the content");
      await press("Enter");
      const order: string[] = [];
      for (let n = 0; n < 4; n++) {
        await press("Tab");
        order.push(await page.evaluate("document.activeElement.name"));
      }
      expect(order).toEqual(["status", "function", "user", "text"]);
      await page.keyboard.type("gave up after");
      await Promise.all([page.waitForURL(/text=/), press("Enter")]);
      const to = async (words: string): Promise<void> => {
        for (let n = 0; n < 60 && (await focused()) !== words; n++) await press("Tab");
        expect(await focused()).toBe(words);
      };
      await page.locator("#link", { hasText: "live" }).waitFor();
      await to("start 5");
      await Promise.all([page.waitForURL(/tasks\/./), press("Enter")]);
      await to("Redrive");
      await press("Enter");
      await says(/^Redrive: done/);
      await page.getByRole("heading", { name: "SUCCESS" }).waitFor();
      expect(await task(page.url().split("/").at(-1) ?? "")).toMatchObject({ status: "SUCCESS", attempts: 1 });
    });

    test("live: a task that ends elsewhere appears, and focus and what is written stay", async () => {
      await show("/monitor/tasks");
      await page.evaluate("window.loadedOnce = true");
      const field = page.getByLabel("Text", { exact: true });
      await choice("State").selectOption("FAILURE");
      await field.pressSequentially("half a wo");
      const id = await submit("/interaction/orch/submit/none", { target: "hpc/puhti", name: "live.sh", user: "none" });
      await page.locator(`#task-${id}`, { hasText: "SUCCESS" }).waitFor();
      await field.pressSequentially("rd");
      expect(await field.inputValue()).toBe("half a word");
      expect(await choice("State").inputValue()).toBe("FAILURE");
      expect(await page.evaluate("[document.activeElement.name, window.loadedOnce]")).toEqual(["text", true]);
    });

    test("a store that refuses its credentials: the task and Now say what to send, and it goes on then", async () => {
      const { documents } = await stateOf(lossi.home);
      const known = (await documents.get(CONFIGURATION_DOCUMENT))?.value as Record<string, string>;
      // `init` would not take a store that refuses; this one does so only later.
      const refused = { ...known, "used-client": "swift", "pre-auth-url": await refusing(), "pre-auth-token": "old" };
      await documents.put(CONFIGURATION_DOCUMENT, refused);
      const id = await submit("/interaction/orch/start/7");
      await show(`/monitor/tasks/${id}`);
      await page.getByText("Why it waits").waitFor();
      const words = await text();
      expect(words).toMatch(/PENDING/);
      expect(words).toMatch(/Why it waits\s+http.* does not take the token; call init again/);
      expect(words).toMatch(/Tried\s+0 times/);
      expect(words).toMatch(/Tried again\s+once there are fresh credentials, by itself/);
      expect(words).toMatch(
        /What to do\s+Send fresh credentials with POST \/setup\/config\/init; it then goes on by itself/,
      );
      await check("a task that waits for credentials");
      await show("/");
      await page.getByRole("alert").getByText("The store refuses its credentials, and 1 task waits").waitFor();
      expect(await text()).toMatch(
        /Storage\s+refused swift at http.*; asked [^]*Credentials\s+token from init, nobody said until when it is good; when it is refused, call init again/,
      );
      await check("Now, with refused credentials");
      await submit("/setup/config/init", NONE);
      await page.getByRole("alert").waitFor({ state: "detached" });
      await page.getByText("works the store of this place").waitFor();
      expect(await ended(lossi, id)).toMatchObject({ status: "SUCCESS" });
    });
  });
});

/** Where there is a Swift that takes no token. */
async function refusing(): Promise<string> {
  const server = createServer((_req, res) => void res.writeHead(401).end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/AUTH_x`;
}
