/** A real server in a process of its own, real browsers in front of it, and the real CLI beside it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { checkout as clone } from '../cli/run-cli.ts';
import type { Started } from '../e2e/system.ts';

const named = process.env['TOLLGATE_CHROMIUM'];
const executable = (named === undefined ? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'] : [named]).find((path) => existsSync(path));
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run', '--disable-component-update', '--disable-sync'];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const patienceMs = 15_000;
const stopMaxMs = 15_000;
const looksMax = 100;
const lookAgainMs = 50;

/** What a browser test is: skipped, and counted as that, where there is no browser to run it in. */
export const inBrowser = (name: string, work: (t: TestContext) => Promise<void>): void => {
  if (executable === undefined) process.stderr.write(`SKIPPED, no Chromium here (apt-get install chromium, or TOLLGATE_CHROMIUM=PATH): ${name}\n`);
  void test(name, { skip: executable === undefined ? 'no Chromium here' : false, timeout: 240_000 }, work);
};

/** With TOLLGATE_SCREENSHOTS (or --screenshots) those meant for the documentation are written there, else all of them to a folder for looking at. */
const wanted = process.env['TOLLGATE_SCREENSHOTS'] === '1';
export const pictures = process.env['TOLLGATE_PICTURES'] ?? join(tmpdir(), 'tollgate-pictures');
const documentation = join(clone, 'docs', 'images');
const documented: Readonly<Record<string, string>> = { '1280 light': '', '390 dark': '-phone' };

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export class Stage {
  readonly home = mkdtempSync(join(tmpdir(), 'tollgate-browser-'));
  origin = '';
  operatorToken = '';
  browser!: Browser;
  #server: ChildProcess | undefined;

  /** With a server of its own, in a process of its own; or before one that runs in this process, where a test lets things go wrong. */
  static async open(started?: Pick<Started, 'origin' | 'operator'>): Promise<Stage> {
    const stage = new Stage();
    if (started) Object.assign(stage, { origin: started.origin, operatorToken: started.operator });
    else await stage.#serve();
    stage.browser = await chromium.launch({ executablePath: executable as string, args: quiet });
    return stage;
  }

  async #serve(): Promise<void> {
    const data = join(this.home, 'data');
    const server = spawn(process.execPath, [join(clone, 'dist/src/main.js'), '--port', '0', '--data', data, '--stop-workloads'], { cwd: clone, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TOLLGATE_LOG_LEVEL: 'error' } });
    this.#server = server;
    let errors = '';
    server.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    this.origin = await new Promise((resolve, reject) => {
      let output = '';
      server.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const found = /^Tollgate is ready at (\S+) /m.exec(output)?.[1];
        if (found !== undefined) resolve(found);
      });
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${errors}`)));
    });
    this.operatorToken = readFileSync(join(data, 'operator.token'), 'utf8').trim();
  }

  /** A person's browser: cookies of its own. `javaScript: false` is the same person with scripts switched off. */
  async person(options: { readonly javaScript?: boolean } = {}): Promise<Person> {
    const context = await this.browser.newContext({ baseURL: this.origin, javaScriptEnabled: options.javaScript ?? true, viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(patienceMs);
    return new Person(this, context, await context.newPage());
  }

  /** Types a command. The answers are its standard input, one line each; a promise is waited for before it is typed. */
  cli(args: readonly string[], options: { readonly operator?: boolean; readonly who?: string; readonly answers?: readonly (string | Promise<string>)[] } = {}): Promise<Ran> {
    const { operator = false, who = 'ada', answers = [] } = options;
    const { TOLLGATE_TOKEN_FILE: _, TOLLGATE_ENV: __, ...environment } = process.env;
    const folder = join(this.home, operator ? 'operator' : who);
    const child = spawn(process.execPath, [join(clone, 'scripts/tollgate.mjs'), ...args], {
      cwd: clone, stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...environment, TOLLGATE_URL: this.origin, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder, NO_COLOR: '1', ...(operator ? { TOLLGATE_TOKEN_FILE: join(this.home, 'data', 'operator.token') } : {}) },
    });
    const ran = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => (ran[name] += chunk.toString()));
    child.stdin.on('error', () => undefined);
    const typing = (async () => {
      for (const answer of answers) child.stdin.write(`${await answer}\n`);
      if (answers.length === 0) child.stdin.end();
    })();
    return new Promise((resolve, reject) => {
      typing.catch(reject);
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, ...ran }));
    });
  }
  /** A command that has to succeed. */
  async done(args: readonly string[], options: Parameters<Stage['cli']>[1] = {}): Promise<Ran> {
    const ran = await this.cli(args, options);
    assert.equal(ran.code, 0, `'tollgate ${args.join(' ')}': ${ran.stderr}`);
    return ran;
  }
  operator(...args: readonly string[]): Promise<Ran> {
    return this.done(args, { operator: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser?.close();
    const server = this.#server;
    if (server) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      const late = setTimeout(() => server.kill('SIGKILL'), stopMaxMs);
      await ended;
      clearTimeout(late);
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

type Violation = { readonly id: string; readonly help: string; readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[] };
const widths = [390, 1280] as const;
const schemes = ['light', 'dark'] as const;

export class Person {
  readonly stage: Stage;
  readonly page: Page;
  readonly #context: BrowserContext;
  constructor(stage: Stage, context: BrowserContext, page: Page) {
    this.stage = stage;
    this.#context = context;
    this.page = page;
  }

  /** The page in the browser now, at both widths and in both schemes: nothing wider than the window, axe finds nothing, a picture of each. */
  async inspect(name: string, options: { readonly docs?: boolean } = {}): Promise<void> {
    const { page } = this;
    for (const width of widths) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth] as const);
        assert.ok(inner <= outer, `${name} at ${width} is ${inner} wide`);
        const violations = await this.#axe();
        assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`), [], `axe on ${name}, ${width}, ${colorScheme}`);
        await this.#picture(join(pictures, `${name}-${width}-${colorScheme}.png`));
        const asked = wanted && options.docs ? documented[`${width} ${colorScheme}`] : undefined;
        if (asked !== undefined) await this.#picture(join(documentation, `${name}${asked}.png`), false);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'light' });
  }

  async #axe(): Promise<readonly Violation[]> {
    await this.page.evaluate(`if (!window.axe) { ${axe} }`);
    return this.page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`);
  }

  async #picture(path: string, fullPage = true): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path, fullPage });
  }

  /** The newest one-time token on the mailbox page, read in a tab of its own. */
  async mailedToken(to: string): Promise<string> {
    const tab = await this.#context.newPage();
    try {
      for (let looks = 0; looks < looksMax; looks += 1) {
        await tab.goto('/mailbox');
        const mail = tab.locator('details.mail', { hasText: `to ${to}` }).filter({ has: tab.locator('code.pick') }).first();
        if ((await mail.count()) > 0) return (await mail.locator('code.pick').first().textContent()) ?? '';
        await tab.waitForTimeout(lookAgainMs);
      }
      throw new Error(`no one-time token was mailed to ${to}`);
    } finally {
      await tab.close();
    }
  }
  /** From the sign-in page to wherever it leads. */
  async signIn(email: string): Promise<void> {
    const { page } = this;
    if (!new URL(page.url() === 'about:blank' ? this.stage.origin : page.url()).pathname.startsWith('/login')) await page.goto('/login');
    const before = this.#tokens.get(email);
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Mail me a token' }).click();
    await page.getByLabel('One-time token').waitFor();
    let token = await this.mailedToken(email);
    for (let looks = 0; token === before && looks < looksMax; looks += 1) token = await this.mailedToken(email);
    this.#tokens.set(email, token);
    await page.getByLabel('One-time token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  readonly #tokens = new Map<string, string>();

  async close(): Promise<void> {
    await this.#context.close();
  }
}
