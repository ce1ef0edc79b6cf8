/** Text that somebody supplies stays text in a real browser: on every view, in every place, at once and as it comes live. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { createAdaptorServer } from "@hono/node-server";
import { chromium } from "playwright-core";
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import type { ForwardStatus } from "#shared/cluster/cluster.ts";
import { CONFIGURATION_DOCUMENT, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { runDocument } from "#shared/jobs/runs.ts";
import { DEAD_LETTERS } from "#shared/dead-letters.ts";
import { RULES, RUNS } from "#shared/automations/automations.ts";

import { deps, monitorDeps } from "../functions/deps.ts";
import { has } from "../required.ts";
import { runRecord } from "../run-record.ts";
import { NONE, root, until } from "./lossi.ts";

const CHROMIUM = "/usr/bin/chromium";
const browsers = has("chromium", CHROMIUM, ["--version"]);

/** Short, so that no view cuts them; `hit` is what each of them would like to call. */
const HOSTILE = [
  `<script>hit(1)</script>`,
  `"><img src=x onerror=hit(2)>`,
  `' onmouseover=hit(3) autofocus onfocus=hit(3) x='`,
  `javascript:hit(4)`,
  `</pre></code></td></table><svg onload=hit(5)>`,
  `</title></head><script>hit(6)</script>`,
  `{{constructor.constructor('hit(7)')()}}`,
  "${hit(8)} <%= hit(8) %>",
  `<base href=//evil.example><meta http-equiv=refresh>`,
  `<form action=//evil.example><button>x`,
  `\u202e>tpircs<\u202c \u200f\u2066`,
  `turned\u202eback`,
  `lone \ud800 surrogate \udc00`,
  `&lt;script&gt;hit(9)&lt;/script&gt; &#60;`,
  `]]><!--><script>hit(10)</script><!--`,
  `line\r\n2026-01-01 - ERROR - forged\u0000\u001b[31m\u2028`,
];
const LONG = `<img src=x onerror=hit(11)>${"ä<".repeat(5000)}`;
const CONFIGURATION = NONE as unknown as Configuration;

async function monitor() {
  const all = deps();
  all.clock.now = Date.now();
  const forwards: ForwardStatus[] = [];
  const clocks = [] as { name: never; cron: string; timezone: string }[];
  const cluster = { ...all.cluster, listForwards: async () => forwards, listClocks: async () => clocks };
  const app = createApp({ ...monitorDeps(all), cluster, assets: join(root, "dist") }, all.log);
  const server = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, { ...env, access: null }),
  }) as Server;
  server.listen(0, "127.0.0.1");
  await until(() => server.listening);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { ...all, forwards, clocks, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

type Monitor = Awaited<ReturnType<typeof monitor>>;

/** Puts a text everywhere where a user, an object, an event or a line can bring one, past the checks that most of them pass. */
async function plant({ ledger, documents, lines, forwards, clocks, now }: Monitor, text: string, n: number) {
  const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  const trace = String(n).padStart(32, "a");
  const lease = await accepted();
  async function accepted() {
    const payload = { mode: text, type: text, input: { name: text, key: text }, [text]: text };
    await ledger.accept({ id, name: text, function: "orchestration", payload, user: text, replayOf: text, trace }, []);
    return ledger.begin(id, 60_000);
  }
  if (lease.outcome !== "begun") throw new Error(lease.outcome);
  await ledger.fail(id, text, []);
  const bucket = submitterBucket(CONFIGURATION, "none");
  const step = { metrics: { "start-time": 1, [text]: 1 }, metadata: { "job-name": text, state: text, [text]: text } };
  const record = runRecord({
    key: String(n),
    user: text,
    bucket,
    name: text,
    target: text,
    jobId: text,
    state: text,
    exitCode: text,
    flags: [text],
    submittedAt: 1,
    startedAt: 2,
    endedAt: 3,
    sacct: { a: step, [text]: step },
    seff: n % 2 === 0 ? step : null,
    missing: { seff: text },
    unreadable: [text],
    files: [{ bucket: text, key: text, size: 1, etag: text, md5: text }],
  });
  await documents.put(runDocument(CONFIGURATION, bucket, String(n)), { record, sent: [] });
  const name = `a-${n}`;
  const rule = { watch: { bucket: text, prefix: text, suffix: text }, run: { event: { type: text, data: text } } };
  await documents.put(RULES + name, { ...rule, enabled: true, "runs-per-hour": 1, stopped: text, owner: text });
  const ran = { bucket: text, key: text, etag: text, at: now(), task: null, reason: text };
  await documents.put(`${RUNS}${name}/${n}`, ran);
  const at = new Date(now()).toISOString();
  const letter = {
    id: `l${n}`,
    taskId: text,
    type: text,
    reason: text,
    status: 500,
    destination: text,
    at,
    event: text,
  };
  await documents.put(DEAD_LETTERS + letter.id, letter);
  forwards.push({
    name: text,
    owner: text,
    address: text,
    local: `${text} `,
    connections: 1,
    leaseUntil: now() + 1e6,
    target: {
      kind: "import",
      host: text,
      addresses: ["192.0.2.1"],
      port: 1,
    },
    health: {
      state: "down",
      reason: text,
      checkedAt: now(),
    },
  } as unknown as ForwardStatus);
  clocks.push({ name: text as never, cron: text, timezone: text });
  const fields = {
    taskId: n % 2 === 0 ? text : id,
    reason: text,
    method: text,
    path: text,
    err: text,
    [text]: { [text]: text },
  };
  const event = { ceId: `${text}${n}`, ceType: text, ceSource: text, ceSubject: text, status: 500, durationMs: 1 };
  for (const message of ["request finished", "an attempt failed", text])
    lines.write({ time: now(), level: "error", function: "tasks", message, fields: { ...event, ...fields }, trace });
}

async function browse({
  url,
}: Monitor): Promise<{ harm: string[]; page: Page; open: (path: string) => Promise<string> }> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  onTestFinished(() => browser.close());
  const context = await browser.newContext({ baseURL: url });
  const harm: string[] = [];
  await context.exposeFunction("hit", (n: number) => void harm.push(`script ${n}`));
  await context.exposeFunction("violated", (what: string) => void harm.push(`policy ${what}`));
  await context.addInitScript(
    `addEventListener("securitypolicyviolation", (event) => violated(event.violatedDirective + " " + event.blockedURI))`,
  );
  const page = await context.newPage();
  page.on("dialog", (dialog) => {
    harm.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => harm.push(`error ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) harm.push(`request ${request.url()}`);
  });
  const open = async (path: string): Promise<string> => {
    await page.goto(path, { waitUntil: "domcontentloaded" });
    return textOf(page);
  };
  return { harm, page, open };
}

const textOf = (page: Page): Promise<string> => page.evaluate<string>(`document.body.textContent`);

/** What is in the page that we never put there. */
const STRANGERS = `(() => {
  const found = [...document.querySelectorAll("main :is(script, img, iframe, object, embed, base, link, style, meta, title), base, meta[http-equiv]")];
  for (const element of document.querySelectorAll("*"))
    for (const { name, value } of element.attributes)
      if (/^(on|style|srcdoc|formaction)/i.test(name) || name.includes("<") || name.includes('"')) found.push(element);
  for (const element of document.querySelectorAll("[href], [src], [action], [data-path]")) {
    const address = element.getAttribute("href") ?? element.getAttribute("src") ?? element.getAttribute("action") ?? element.dataset.path;
    if (new URL(address, location.href).origin !== location.origin) found.push(element);
  }
  return found.map((element) => element.outerHTML.slice(0, 300));
})()`;

/** As the page has it: HTML knows no NUL and no lone surrogate, and line ends are one character. */
const shown = (text: string): string => text.toWellFormed().replaceAll("\u0000", "").replaceAll(/\r\n?/g, "\n");

/** Words that are drawn from right to left, but for what was planted: that is over at the next blank. */
const TURNED = `(() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const at = (index) => {
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      return range.getBoundingClientRect();
    };
    const words = node.data.replaceAll(/\\u202e\\S*/g, (planted) => " ".repeat(planted.length));
    for (const { index, 0: word } of words.matchAll(/\\b(?!turned)[a-z0-9]{2,}/gi)) {
      const [first, last] = [at(index), at(index + word.length - 1)];
      if (first.top === last.top && first.left > last.left)
        found.push(word + " in " + node.parentElement.outerHTML.slice(0, 300));
    }
  }
  return found;
})()`;

const VIEWS = ["", "tasks", "runs", "events", "forwards", "automations", "dead-letters", "logs"].map((name) =>
  name === "" ? "/" : `/monitor/${name}`,
);

test.skipIf(!browsers)("hostile text everywhere is shown as text, and nothing of it runs", async () => {
  const here = await monitor();
  await here.documents.put(CONFIGURATION_DOCUMENT, NONE);
  for (const [n, text] of [...HOSTILE, LONG].entries()) await plant(here, text, n);
  const { harm, page, open } = await browse(here);
  const bucket = submitterBucket(CONFIGURATION, "none");
  const own = HOSTILE.flatMap((text, n): [string, string[]][] => [
    [`/monitor/tasks/00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, [text]],
    [`/monitor/runs/${bucket}/${n}`, [text]],
  ]);
  for (const [path, texts] of [...VIEWS.map((view): [string, string[]] => [view, HOSTILE]), ...own]) {
    const seen = shown(await open(path));
    for (const text of texts) expect(seen.includes(shown(text)), `${path} shows ${JSON.stringify(text)}`).toBe(true);
    expect(await page.evaluate(STRANGERS), path).toEqual([]);
    expect(await page.evaluate(TURNED), path).toEqual([]);
  }
  await open(`/monitor/tasks/00000000-0000-4000-8000-${String(HOSTILE.length).padStart(12, "0")}`);
  await open(`/monitor/runs/${bucket}/${HOSTILE.length}`);
  expect(await page.evaluate(STRANGERS)).toEqual([]);
  expect(harm).toEqual([]);
});

test.skipIf(!browsers)("hostile text that comes while somebody looks is shown as text as well", async () => {
  const here = await monitor();
  const { harm, page, open } = await browse(here);
  await here.documents.put(CONFIGURATION_DOCUMENT, NONE);
  for (const [index, view] of VIEWS.entries()) {
    await open(view);
    await until(() => page.evaluate(`document.getElementById("link").textContent === "live"`));
    const text = `<img src=x onerror=hit(${100 + index})><script>hit(${index})</script>`;
    await plant(here, text, index);
    await plant(here, `${text}${LONG}`, 50 + index);
    await until(() => page.evaluate(`document.getElementById("main").textContent.includes(${JSON.stringify(text)})`));
    expect(await page.evaluate(STRANGERS), view).toEqual([]);
  }
  expect(harm).toEqual([]);
});

test.skipIf(!browsers)("hostile addresses are refused or shown as text", async () => {
  const here = await monitor();
  const { harm, page, open } = await browse(here);
  for (const text of [...HOSTILE, LONG.slice(0, 200)]) {
    const word = encodeURIComponent(text.toWellFormed());
    for (const path of [
      `/monitor/tasks?text=${word}&user=${word}&trace=${word}&function=${word}&status=${word}&since=${word}&after=${word}`,
      `/monitor/logs?text=${word}&function=${word}`,
      `/monitor/events?trace=${word}&id=${word}&type=${word}`,
      `/monitor/login?to=${word}`,
      `/monitor/login?to=/${word}`,
      `/monitor/tasks/${word}`,
      `/monitor/runs/${word}/${word}`,
      `/monitor/live?path=${encodeURIComponent(`/${word}`)}x`,
      `/monitor/assets/${word}`,
      `/${word}`,
      `/?${word}=${word}#${word}`,
    ]) {
      await open(path);
      expect(await page.evaluate(STRANGERS), path).toEqual([]);
    }
  }
  expect(harm).toEqual([]);
});
