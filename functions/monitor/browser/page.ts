/** What the page does in the browser: news as they come, times in the reader's zone, and buttons that call the public API. */
import { Idiomorph } from "idiomorph";

const main = document.getElementById("main") as HTMLElement;
const said = document.getElementById("said") as HTMLElement;
const link = document.getElementById("link") as HTMLElement;

const DAY_MS = 24 * 60 * 60 * 1000;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", DAY_MS],
  ["hour", 60 * 60 * 1000],
  ["minute", 60_000],
  ["second", 1000],
];
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const distance = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Says every time in the reader's zone. */
function sayTimes(within: ParentNode): void {
  for (const input of within.querySelectorAll<HTMLInputElement>("input[data-at]")) {
    const at = new Date(input.dataset["at"] ?? "").getTime();
    // What the field says without a zone is of the reader's.
    if (!Number.isNaN(at))
      input.value = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
    delete input.dataset["at"];
  }
  for (const element of within.querySelectorAll("time")) {
    const at = new Date(element.dateTime);
    element.textContent = wordsFor(at, element.dataset["relative"] !== undefined);
    element.title = `${exact.format(at)} (${element.dateTime})`;
  }
}

function wordsFor(at: Date, relative: boolean): string {
  const away = at.getTime() - Date.now();
  if (!relative) return Math.abs(away) < DAY_MS / 2 ? clock.format(at) : calendar.format(at);
  const [unit, size] = UNITS.find(([, ms]) => Math.abs(away) >= ms) ?? ["second", 1000];
  return distance.format(Math.round(away / size), unit);
}

/** Changes what is different and leaves the rest alone: the focus, a choice, an open list. */
function show(html: string): void {
  const next = document.createElement("main");
  next.innerHTML = html;
  sayTimes(next);
  const lines = main.querySelector(".lines");
  const wasAtEnd = lines !== null && lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
  void Idiomorph.morph(main, [...next.childNodes], {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    callbacks: {
      // What somebody chose or wrote is theirs.
      beforeNodeMorphed: (old: Node) =>
        !(old instanceof HTMLElement && old.matches("form[method=get], form[data-event], input")),
    },
  });
  if (wasAtEnd) toEnd();
}

const toEnd = (): void => {
  const lines = main.querySelector(".lines");
  if (lines !== null) lines.scrollTop = lines.scrollHeight;
};

let source: EventSource | undefined;

function follow(): void {
  source?.close();
  source = undefined;
  if (document.body.dataset["live"] === undefined || document.hidden) return;
  if (isPaused()) return void (link.textContent = "paused");
  const path = `/monitor/live?path=${encodeURIComponent(location.pathname + location.search)}`;
  source = new EventSource(path);
  source.addEventListener("view", ({ data }: MessageEvent<string>) => {
    link.textContent = "live";
    show(JSON.parse(data) as string);
  });
  source.addEventListener("error", () => {
    link.textContent = "connecting…";
    // The browser gives up where the answer was no stream.
    if (source?.readyState === EventSource.CLOSED) void askWhy(path);
  });
}

/** Goes on later where that may help. A page whose session is over, or whose task was forgotten, keeps nobody awake. */
async function askWhy(path: string): Promise<void> {
  const leave = new AbortController();
  const status = await fetch(path, { signal: leave.signal }).then(
    (answer) => answer.status,
    () => 0,
  );
  leave.abort();
  if (status === 401) link.textContent = "signed out: reload to sign in";
  else if (status === 403 || status === 404) link.textContent = "gone: reload";
  else setTimeout(follow, 3000);
}

const isPaused = (): boolean => document.querySelector<HTMLInputElement>("input[data-follow]")?.checked === false;

/** Calls the public API, and says how it went; whether it went well. */
async function call(method: string, path: string, body?: string): Promise<unknown> {
  const answer = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body }),
  });
  const json = (await answer.json().catch(() => null)) as { output?: unknown; message?: string } | null;
  if (answer.status === 401) throw new Error("you are signed out; reload the page to sign in");
  if (!answer.ok) throw new Error(json?.message ?? `the answer was ${answer.status}`);
  return json?.output ?? null;
}

function say(words: string, kind: "good" | "bad" = "good"): void {
  said.textContent = words;
  said.className = kind;
}

async function act(button: HTMLElement): Promise<void> {
  const { method = "POST", path = "", body, confirm: question } = button.dataset;
  if (question !== undefined && !confirm(question)) return;
  const what = button.textContent?.trim() ?? "";
  try {
    const output = await call(method, path, body);
    say(`${what}: done${typeof output === "string" ? ` (task ${output})` : ""}.`);
  } catch (error) {
    say(`${what}: ${(error as Error).message}`, "bad");
  }
}

/** Redrives or drops every chosen dead letter, one after the other. */
async function actOnChosen(step: string): Promise<void> {
  const chosen = [...main.querySelectorAll<HTMLInputElement>("input[name=letter]:checked")].map(({ value }) => value);
  if (chosen.length === 0) return say("Choose some letters first.", "bad");
  if (step === "drop" && !confirm(`Drop ${chosen.length} letters? Their events are gone then.`)) return;
  const problems: string[] = [];
  for (const id of chosen) {
    const asked = step === "drop" ? call("DELETE", `/dead-letters/${id}`) : call("POST", `/dead-letters/${id}/redrive`);
    await asked.catch((error: Error) => problems.push(error.message));
  }
  const done = chosen.length - problems.length;
  say(
    `${step}: ${done} done${problems.length > 0 ? `, ${problems.length} not: ${problems[0]}` : ""}.`,
    problems.length > 0 ? "bad" : "good",
  );
}

async function sendEvent(form: HTMLFormElement): Promise<void> {
  const data: Record<string, unknown> = {};
  try {
    for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]")) {
      if (field.value !== "") data[field.name] = valueOf(field);
    }
    say(`Sent as ${String(await call("POST", "/events", JSON.stringify({ type: form.dataset["event"], data })))}.`);
  } catch (error) {
    say(`Not sent: ${(error as Error).message}`, "bad");
  }
}

function valueOf({ name, value, dataset: { kind } }: HTMLInputElement | HTMLSelectElement): unknown {
  if (kind === "string") return value;
  if (kind === "number" || kind === "integer") return Number(value);
  try {
    return JSON.parse(value);
  } catch {
    throw new Error(`${name} has to be JSON, such as {}`);
  }
}

document.addEventListener("click", ({ target }) => {
  const button = (target as Element).closest<HTMLElement>("button[data-path], button[data-chosen]");
  if (button === null) return;
  void (button.dataset["chosen"] === undefined ? act(button) : actOnChosen(button.dataset["chosen"]));
});
document.addEventListener("change", ({ target }) => {
  const input = target as HTMLInputElement;
  if (input.dataset["follow"] !== undefined) follow();
  if (input.dataset["choose"] !== undefined)
    for (const one of main.querySelectorAll<HTMLInputElement>("input[name=letter]")) one.checked = input.checked;
});
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (form.dataset["event"] === undefined) return;
  event.preventDefault();
  void sendEvent(form);
});
document.addEventListener("formdata", ({ target, formData }) => {
  for (const { name, value } of (target as HTMLFormElement).querySelectorAll<HTMLInputElement>("[type=datetime-local]"))
    if (value !== "") formData.set(name, new Date(value).toISOString());
  // What is not asked for need not stand in the address.
  for (const name of new Set(formData.keys())) if (formData.get(name) === "") formData.delete(name);
});
document.addEventListener("visibilitychange", follow);
// Distances grow also where nothing else changes.
setInterval(() => sayTimes(main), 5000);

sayTimes(document);
toEnd();
follow();
