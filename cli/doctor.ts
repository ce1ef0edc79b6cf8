/** `lossi doctor`: looks at everything that lossi needs, and says what is wrong, why, and what to type next. */
import { resolve } from "node:path";

import { platformConfig } from "#platform/config.ts";
import { baseConfig } from "#shared/config.ts";
import { messageOf } from "#shared/errors.ts";
import { plain } from "#shared/plain.ts";

import { openClient } from "./client.ts";
import type { Command, Context } from "./command.ts";
import { checkAnswer } from "./doctor/answer.ts";
import type { Named } from "./doctor/answer.ts";
import { failed, skipped } from "./doctor/check.ts";
import type { Finding } from "./doctor/check.ts";
import { checkEnvironment } from "./doctor/environment.ts";
import { checkHome } from "./doctor/home.ts";
import { checkManifests } from "./doctor/manifests.ts";
import { checkNode } from "./doctor/node.ts";
import { checkPorts } from "./doctor/ports.ts";
import { checkState } from "./doctor/state.ts";
import { checkStore } from "./doctor/store.ts";
import { EXIT } from "./failure.ts";
import { restOf } from "./terminal.ts";
import type { Style, Terminal } from "./terminal.ts";

export const doctor: Command = {
  takes: "",
  summary: "what is wrong with a set-up, why, and what to type next",
  flags: { manifests: "the manifests that npm start shall read (knative/base)" },
  help: `Looks at this machine, in the environment that npm start would have; with
a --url elsewhere, at what that lossi says of itself. Nothing that it does
stays, and a lossi at work is not disturbed.`,
  words: 0,
  async run(context) {
    const { given, env, terminal } = context;
    const named = given.url !== undefined || (env["LOSSI_URL"] ?? "") !== "";
    const findings = named && !context.client().local ? elsewhere(context) : here(context);
    const all: Named[] = [];
    for await (const one of findings) {
      all.push(one);
      if (!given.json) show(one, terminal);
    }
    const checks = all.map(([name, finding]) => ({ name, ...finding }));
    const broken = checks.filter(({ state }) => state === "failed").length;
    if (given.json) terminal.out(JSON.stringify({ ok: broken === 0, checks }));
    else terminal.out(broken === 0 ? "\nnothing is wrong" : `\n${broken} of ${checks.length} checks failed`);
    return broken === 0 ? EXIT.done : EXIT.broken;
  },
};

async function* elsewhere({ client }: Context): AsyncGenerator<Named> {
  yield* await checkAnswer(client());
}

async function* here({ given, env, client }: Context): AsyncGenerator<Named> {
  const node = checkNode();
  yield ["node", node];
  // Nothing else would be worth believing.
  if (node.state === "failed") return;
  const manifests = checkManifests(given.manifests as string | undefined, env);
  const named = given.url !== undefined || (env["LOSSI_URL"] ?? "") !== "" ? new URL(client().url) : null;
  const parsed = baseConfig.safeParse({ ...manifests.loaded?.resources.services[0]?.env, ...env });
  const { home, port } = placeOf(env);
  const first = named === null ? port : Number(named.port || "80");

  yield ["environment", checkEnvironment(env, manifests.loaded?.resources.services ?? [])];
  const ports = first === null ? null : await checkPorts(first);
  yield ["ports", ports?.finding ?? skipped("LOSSI_PORT comes first")];
  const folder = await tried(() => checkHome(home));
  yield ["home", folder];
  if (!parsed.success) yield ["state", skipped("the environment comes first")];
  else if (folder.state === "failed" && parsed.data.REDIS_ENDPOINT === "")
    yield ["state", skipped("the folder comes first")];
  else {
    const config = { ...parsed.data, LOSSI_HOME: resolve(home) };
    const state = await checkState(config, resolve(home));
    yield ["state", state.finding];
    const url = `http://127.0.0.1:${first ?? 7600}`;
    const { configuration } = state;
    if (configuration === undefined) yield ["store", skipped("the state comes first: it has the configuration")];
    else yield ["store", await tried(() => checkStore(configuration, config, resolve(home), url))];
  }
  yield ["manifests", manifests.finding];
  if (ports?.running) yield* await checkAnswer(openClient(`http://127.0.0.1:${first}`, env));
}

/** Where `npm start` would begin; a wrong port is told with the environment. */
function placeOf(env: Context["env"]): { home: string; port: number | null } {
  try {
    return platformConfig(env);
  } catch {
    return { home: env["LOSSI_HOME"] ?? ".lossi", port: null };
  }
}

/** What nobody thought of is a finding too. */
async function tried(check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    return failed("it could not be looked at", messageOf(error), "lossi doctor   (once the others are well)");
  }
}

const SIGNS: Record<Finding["state"], [string, Style]> = {
  ok: ["ok", "green"],
  skipped: ["-", "dim"],
  failed: ["FAILED", "red"],
};

function show([name, finding]: Named, { out, paint }: Terminal): void {
  const [sign, style] = SIGNS[finding.state];
  out(`${paint(style, sign.padEnd(7))}${name.padEnd(13)}${plain(finding.what)}`);
  if (finding.state === "failed") for (const line of restOf(finding)) out(`     ${line}`);
}
