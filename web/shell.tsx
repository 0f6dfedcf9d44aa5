/** What all pages share: the document around them, the mode bar, the header and the quiet line about the CLI. */
import type { ComponentChildren, JSX } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Mode } from '../src/domain/installation/events.ts';

export type { Mode };
export type ShellProps = {
  readonly title: string;
  readonly mode: Mode;
  /** The quiet line at the foot: which command does the same. */
  readonly cli: ComponentChildren;
  /** The path of the page shown, to mark it in the navigation. */
  readonly here?: string;
  readonly children: ComponentChildren;
};

const ModeBar = ({ mode }: { mode: Mode }): JSX.Element | null => {
  if (mode === 'production') return null;
  const words = mode === 'mock' ? 'Mock mode: no real mail, money or cluster' : 'Staging: payments use test keys';
  return (
    <aside class={`mode mode-${mode}`} aria-label="Mode">
      <span>{words}</span>
    </aside>
  );
};

/** A barrier arm on its post; the favicon shows the same. */
const Brand = (): JSX.Element => (
  <a class="brand" href="/">
    <svg viewBox="0 0 36 28" width="36" height="28" aria-hidden="true" focusable="false">
      <path d="M8 6h26v8H8z" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" />
      <path d="M16 6l-4 8h5l4-8zM26 6l-4 8h5l4-8z" fill="currentColor" />
      <path d="M5 2v24M1.5 26h7" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" />
    </svg>
    <span>Tollgate</span>
  </a>
);

const Header = ({ mode, here }: { mode: Mode; here: string | undefined }): JSX.Element => {
  const links: readonly (readonly [string, string])[] = [['/subscribe', 'Subscribe'], ...(mode === 'mock' ? [['/mailbox', 'Mailbox'] as const] : [])];
  return (
    <header class="top">
      <Brand />
      <nav aria-label="Main">
        {links.map(([href, name]) => (
          <a key={href} href={href} aria-current={href === here ? 'page' : undefined}>{name}</a>
        ))}
      </nav>
    </header>
  );
};

const Shell = ({ title, mode, cli, here, children }: ShellProps): JSX.Element => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="same-origin" />
      <title>{`${title} · Tollgate`}</title>
      <link rel="icon" href="/assets/favicon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/assets/tollgate.css" />
      <script src="/assets/tollgate.js" defer />
    </head>
    <body>
      <a class="skip" href="#main">Skip to content</a>
      <ModeBar mode={mode} />
      <Header mode={mode} here={here} />
      <main id="main">{children}</main>
      <footer class="cli">
        <p>{cli}</p>
      </footer>
    </body>
  </html>
);

/** A complete HTML document. */
export const page = (props: ShellProps): string => `<!doctype html>\n${renderToString(<Shell {...props} />)}\n`;
