/** The frame around every view. */
import type { Child } from "hono/jsx";

import type { Caller } from "#shared/http/access.ts";
import { VERSIONS } from "./version.ts";

const LINKS: [string, string][] = [
  ["/", "Now"],
  ["/monitor/tasks", "Tasks"],
  ["/monitor/runs", "Runs"],
  ["/monitor/events", "Events"],
  ["/monitor/forwards", "Forwards"],
  ["/monitor/automations", "Automations"],
  ["/monitor/dead-letters", "Dead letters"],
  ["/monitor/logs", "Logs"],
];

type PageProps = {
  title: string;
  path: string;
  caller: Caller | null;
  /** Whether the script asks for news. */
  live: boolean;
  /** Whether the versions are said. */
  footer?: boolean;
  children?: Child;
};

export function Page({ title, path, caller, live, footer = false, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · lossi`}</title>
        <link rel="icon" href="/monitor/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/monitor/assets/page.css" />
        <script src="/monitor/assets/page.js" type="module"></script>
      </head>
      <body data-live={live ? "" : undefined}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header>
          <a class="name" href="/">
            lossi
          </a>
          <nav aria-label="Views">
            {LINKS.map(([href, name]) => (
              <a href={href} aria-current={isHere(href, path) ? "page" : undefined}>
                {name}
              </a>
            ))}
            <a href="/docs">API</a>
          </nav>
          <span id="link" class="link" role="status"></span>
          {caller !== null && (
            <form method="post" action="/monitor/logout">
              <span class="quiet">{caller.name}</span> <button type="submit">Sign out</button>
            </form>
          )}
        </header>
        {live && (
          <noscript>
            <p class="empty">
              Without JavaScript this page stays as it was when it was loaded, its times are in UTC, and its buttons do
              nothing.
            </p>
          </noscript>
        )}
        <main id="main" tabindex={-1}>
          {children}
        </main>
        {footer && (
          <footer class="quiet">
            lossi {VERSIONS.version} on Node {VERSIONS.node}
          </footer>
        )}
        <p id="said" role="status" aria-live="polite"></p>
      </body>
    </html>
  );
}

const isHere = (href: string, path: string): boolean => (href === "/" ? path === "/" : path.startsWith(href));
