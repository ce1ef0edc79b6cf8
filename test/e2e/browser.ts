/** A browser without a window, driven by its own driver over WebDriver (W3C), for one test. */
import { spawn } from "node:child_process";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { call, temporaryFolder, until } from "./lossi.ts";

export type Browser = {
  open: (url: string) => Promise<void>;
  /** The value of an expression in the page. */
  evaluate: (expression: string) => Promise<any>;
  /** What the console said since the last time, errors of the page and its policy among them. */
  complaints: () => Promise<string[]>;
};

export async function startBrowser(): Promise<Browser> {
  const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void driver.kill());
  let output = "";
  driver.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const port = await until(() => /started successfully on port (\d+)/.exec(output)?.[1]);
  const send = async (method: string, path: string, body?: object): Promise<any> => {
    const { status, json } = await call(`http://127.0.0.1:${port}`, method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(json).slice(0, 500)}`);
    return json.value;
  };
  const args = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(temporaryFolder(), "browser")}`];
  const alwaysMatch = { "goog:chromeOptions": { args }, "goog:loggingPrefs": { browser: "ALL" } };
  const { sessionId } = await send("POST", "/session", { capabilities: { alwaysMatch } });
  const session = `/session/${sessionId}`;
  onTestFinished(async () => void (await send("DELETE", session).catch(() => {})));
  return {
    open: (url) => send("POST", `${session}/url`, { url }),
    evaluate: (expression) => send("POST", `${session}/execute/sync`, { script: `return ${expression}`, args: [] }),
    async complaints() {
      const lines: { level: string; message: string }[] = await send("POST", `${session}/se/log`, { type: "browser" });
      return lines.filter(({ level }) => level !== "DEBUG").map(({ message }) => message);
    },
  };
}
