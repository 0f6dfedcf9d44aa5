/** What all pages share: the document around them, the mode bar, the header and the quiet line about the CLI. */
import type { ComponentChildren, JSX } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { Mode } from '../src/domain/installation/events.ts';
import type { ServiceLevel } from '../src/domain/service-level.ts';
import { Level, prose, Time } from './parts.tsx';

export type { Mode };
/** Who is looking: a customer, an operator, both (their cookies are two), or nobody. `formToken` goes into every form of theirs. */
export type Viewer = {
  readonly customer?: { readonly formToken: string; readonly level: ServiceLevel; readonly reason: string; readonly nextStep: string; readonly since?: string };
  readonly operator?: { readonly formToken: string };
};
/** What every page is told beside its own matter. */
export type Frame = { readonly mode: Mode; readonly viewer?: Viewer };
export type ShellProps = {
  readonly title: string;
  readonly frame: Frame;
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

type Link = { readonly href: string; readonly name: string; readonly within?: boolean };
const linksFor = ({ mode, viewer }: Frame): readonly Link[] => [
  ...(viewer?.customer ? [{ href: '/account', name: 'Account', within: true }] : viewer?.operator ? [] : [{ href: '/subscribe', name: 'Subscribe' }]),
  ...(mode === 'mock' ? [{ href: '/mailbox', name: 'Mailbox' }] : []),
  ...(viewer?.operator ? [{ href: '/admin', name: 'Operator', within: true }] : []),
  ...(viewer?.customer || viewer?.operator ? [] : [{ href: '/login', name: 'Sign in' }]),
];

/** Leaves on the side the page belongs to; the other stays signed in. */
const SignOut = ({ viewer, here = '' }: { viewer: Viewer | undefined; here: string | undefined }): JSX.Element | null => {
  const side = viewer?.operator && (here.startsWith('/admin') || !viewer.customer) ? 'operator' : 'customer';
  const signedIn = viewer?.[side];
  return signedIn ? (
    <form method="post" action="/logout">
      <FormToken token={signedIn.formToken} />
      <input type="hidden" name="side" value={side} />
      <button type="submit" class="quiet">Sign out</button>
    </form>
  ) : null;
};

const Header = ({ frame, here }: { frame: Frame; here: string | undefined }): JSX.Element => (
  <header class="top">
    <Brand />
    <div class="ways">
      <nav aria-label="Main">
        {linksFor(frame).map(({ href, name, within }) => (
          <a key={href} href={href} aria-current={href === here ? 'page' : within && here?.startsWith(`${href}/`) ? 'true' : undefined}>{name}</a>
        ))}
      </nav>
      <SignOut viewer={frame.viewer} here={here} />
    </div>
  </header>
);

/** Proves that a form comes from a page this session was shown. */
export const FormToken = ({ token }: { token: string | undefined }): JSX.Element | null => (token === undefined ? null : <input type="hidden" name="formToken" value={token} />);

/** What is limited, why, since when, what restores it, and the one button: wherever a limited customer looks. */
const Banner = ({ frame, here }: { frame: Frame; here: string | undefined }): JSX.Element | null => {
  const customer = frame.viewer?.customer;
  if (!customer || customer.level === 'full' || here === '/account') return null;
  const { level, reason, nextStep, since, formToken } = customer;
  return (
    <aside class={`banner standing-${level}`} aria-label="Service level">
      <Level level={level} />
      <div>
        <p><strong>{reason}</strong>{since === undefined ? null : <>, since <Time at={since} /></>}</p>
        <p>{prose(nextStep)}</p>
      </div>
      {level === 'disabled' ? null : <form method="post" action="/account/pay"><FormToken token={formToken} /><button type="submit">Pay now</button></form>}
    </aside>
  );
};

const Shell = ({ title, frame, cli, here, children }: ShellProps): JSX.Element => (
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
      <ModeBar mode={frame.mode} />
      <Header frame={frame} here={here} />
      <Banner frame={frame} here={here} />
      <main id="main">{children}</main>
      <footer class="cli">
        <p>{cli}</p>
      </footer>
    </body>
  </html>
);

/** A complete HTML document. */
export const page = (props: ShellProps): string => `<!doctype html>\n${renderToString(<Shell {...props} />)}\n`;
