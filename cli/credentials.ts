/** What a call identifies itself with: a session (renewed when refused), a sign-up token, or an operator's token file. */
import { readFileSync } from 'node:fs';
import { inConfig, readConfig, withCredentials, type Config, type StoredSession } from './config-file.ts';
import { Failure, usage } from './exit-codes.ts';
import type { Target } from './target.ts';

/** How the session is renewed: one call, made by the client. */
export type Refresh = (refreshToken: string) => Promise<StoredSession>;
export interface Credential {
  readonly kind: 'session' | 'signup' | 'token-file';
  /** An operator's. */
  readonly staff?: boolean;
  headers(): Readonly<Record<string, string>>;
  /** After a 401: true when there is now something else to try. */
  renew(refresh: Refresh): Promise<boolean>;
  /** What a final 401 means to the person. */
  refused(): Failure;
}

export const notLoggedIn = ({ env, url }: Target, nextStep = ''): Failure => new Failure('notAllowed', `not logged in to env '${env}' at '${url}', see 'tollgate login help'`, nextStep, { code: 'NotSignedIn' });
const operatorHint = "Operators: give --token-file PATH, set TOLLGATE_TOKEN_FILE, or use 'tollgate operator login --token-file PATH'.";

class SessionCredential implements Credential {
  readonly kind = 'session';
  readonly staff: boolean;
  #session: StoredSession;
  readonly #target: Target;
  readonly #slot: 'customer' | 'operator';
  constructor(target: Target, slot: 'customer' | 'operator', session: StoredSession) {
    this.#target = target;
    this.#slot = slot;
    this.staff = slot === 'operator';
    this.#session = session;
  }
  headers() {
    const { accessToken, namespace } = this.#session;
    return { authorization: `Bearer ${accessToken}`, ...(namespace === undefined ? {} : { 'micro-namespace': namespace }) };
  }
  refused(): Failure {
    return notLoggedIn(this.#target, this.#slot === 'operator' ? operatorHint : '');
  }

  /** Under the config's lock, so that of several CLIs one refreshes and the others take what it got: an old refresh token presented again would look stolen. */
  renew(refresh: Refresh): Promise<boolean> {
    const { url } = this.#target;
    return inConfig(async (config, save) => {
      const stored = config.credentials[url]?.[this.#slot];
      if (!stored) return false;
      if (stored.accessToken === this.#session.accessToken) {
        const renewed = await this.#refreshed(stored, refresh);
        save(withCredentials(config, url, ({ [this.#slot]: _, ...others }) => (renewed ? { ...others, [this.#slot]: renewed } : others)));
        if (!renewed) return false;
        this.#session = renewed;
      } else this.#session = stored;
      return true;
    });
  }
  async #refreshed(stored: StoredSession, refresh: Refresh): Promise<StoredSession | undefined> {
    try {
      const renewed = await refresh(stored.refreshToken);
      const keep = stored.namespace !== undefined && renewed.namespaces.includes(stored.namespace) ? { namespace: stored.namespace } : {};
      return { ...renewed, ...keep };
    } catch (error) {
      if (error instanceof Failure && error.problem.status === 401) return undefined;
      throw error;
    }
  }
}

/** A session that this machine has given up: it may still end itself, and what has taken its place is none of its business. */
class ReplacedSession implements Credential {
  readonly kind = 'session';
  readonly #target: Target;
  #session: StoredSession;
  constructor(target: Target, session: StoredSession) {
    this.#target = target;
    this.#session = session;
  }
  headers() {
    return { authorization: `Bearer ${this.#session.accessToken}` };
  }
  async renew(refresh: Refresh): Promise<boolean> {
    this.#session = await refresh(this.#session.refreshToken);
    return true;
  }
  refused(): Failure {
    return notLoggedIn(this.#target);
  }
}
export const replacedSession = (target: Target, session: StoredSession): Credential => new ReplacedSession(target, session);

class SignupCredential implements Credential {
  readonly kind = 'signup';
  readonly #target: Target;
  readonly #token: string;
  constructor(target: Target, token: string) {
    this.#target = target;
    this.#token = token;
  }
  headers() {
    return { authorization: `Bearer ${this.#token}` };
  }
  async renew() {
    return false;
  }
  refused() {
    return notLoggedIn(this.#target);
  }
}

class TokenFileCredential implements Credential {
  readonly kind = 'token-file';
  readonly staff = true;
  readonly #target: Target;
  readonly #path: string;
  readonly #token: string;
  constructor(target: Target, path: string) {
    this.#target = target;
    this.#path = path;
    this.#token = tokenIn(path);
  }
  headers() {
    return { authorization: `Bearer ${this.#token}` };
  }
  async renew() {
    return false;
  }
  refused() {
    const { env, url } = this.#target;
    return new Failure('notAllowed', `the operator token in '${this.#path}' is not accepted by env '${env}' at '${url}'`, "It is the file operator.token in that server's data folder.", { code: 'NotSignedIn' });
  }
}
const tokenIn = (path: string): string => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw usage(`token file '${path}' cannot be read (${(error as NodeJS.ErrnoException).code})`, "It is the file operator.token in the server's data folder.");
  }
  if (!/^[\x21-\x7e]+$/.test(text)) throw usage(`token file '${path}' holds no token`, "It is the file operator.token in the server's data folder.");
  return text;
};
export const tokenFile = (target: Target, path: string): Credential => new TokenFileCredential(target, path);
export const signupToken = (target: Target, token: string): Credential => new SignupCredential(target, token);

/** Who a verb is for. `either`: a customer's verb that staff may use too; `any`: the same in the generated half, where a token file named in the environment is meant. */
export type Audience = 'customer' | 'either' | 'any' | 'operator';
type Asked = { readonly audience: Audience; readonly tokenFile?: string | undefined };

/** A customer's session before an operator's for customers' verbs, and the other way round; a token file named by its flag always wins. */
export const credentialFor = (target: Target, { audience, tokenFile: flag }: Asked, config: Config = readConfig(), environ = process.env): Credential => {
  const { customer, operator, signup } = config.credentials[target.url] ?? {};
  const ofCustomer = () => (customer ? new SessionCredential(target, 'customer', customer) : signup ? signupToken(target, signup.token) : undefined);
  const named = () => (environ['TOLLGATE_TOKEN_FILE'] ? tokenFile(target, environ['TOLLGATE_TOKEN_FILE']) : undefined);
  const ofOperator = () => operator && new SessionCredential(target, 'operator', operator);
  if (flag !== undefined) return tokenFile(target, flag);
  const order = { customer: [ofCustomer], either: [ofCustomer, named, ofOperator], any: [named, ofCustomer, ofOperator], operator: [named, ofOperator, ofCustomer] } as const satisfies Record<Audience, unknown>;
  let found: Credential | undefined;
  for (const choice of order[audience]) found ??= choice();
  if (!found) throw notLoggedIn(target, audience === 'operator' ? operatorHint : '');
  return found;
};
