/** Exit codes, as scripts rely on them, and the failure that carries one. */
export const exitCodes = {
  done: 0, ours: 1, usage: 2, refused: 3, notFound: 4, notAllowed: 5, serviceLevel: 6, gaveUp: 7, overtaken: 8, unavailable: 75, interrupted: 130,
} as const;
export type FailureKind = Exclude<keyof typeof exitCodes, 'done'>;

/** The status a problem made here shows, so that one found by the CLI reads like one found by the server. */
const statusOfKind = { ours: 500, usage: 400, refused: 409, notFound: 404, notAllowed: 401, serviceLevel: 402, gaveUp: 408, overtaken: 412, unavailable: 503, interrupted: 499 } as const satisfies Record<FailureKind, number>;

const kindOfStatus: Readonly<Record<number, FailureKind>> = {
  400: 'usage', 401: 'notAllowed', 402: 'serviceLevel', 403: 'notAllowed', 404: 'notFound', 409: 'refused', 410: 'refused', 412: 'overtaken', 413: 'refused', 415: 'usage', 421: 'usage', 422: 'refused', 429: 'refused',
  502: 'unavailable', 503: 'unavailable', 504: 'unavailable',
};
export const kindOf = (status: number): FailureKind => kindOfStatus[status] ?? (status >= 400 && status < 500 ? 'usage' : 'ours');

export type Problem = {
  readonly type: string; readonly title: string; readonly status: number; readonly detail: string; readonly code: string; readonly nextStep: string;
  readonly correlationId?: string; readonly errors?: readonly { readonly field: string; readonly message: string }[]; readonly level?: string; readonly resetAt?: string;
};

/** Something did not work: what and why in one line, what to do in another, and the code to exit with. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly problem: Problem;
  constructor(kind: FailureKind, detail: string, nextStep = '', more: Partial<Problem> = {}) {
    super(detail);
    this.kind = kind;
    const code = more.code ?? kind.charAt(0).toUpperCase() + kind.slice(1);
    this.problem = { type: `urn:tollgate:problem:${code}`, title: code, status: statusOfKind[kind], detail, code, nextStep, ...more };
  }
  get exitCode(): number {
    return exitCodes[this.kind];
  }
}
/** Everything has been said, on stdout: only the exit code is left. */
export class Said extends Error {
  readonly exitCode: number;
  constructor(kind: FailureKind) {
    super(kind);
    this.exitCode = exitCodes[kind];
  }
}
/** Without a next step, the one is to read the command's help. */
export const usage = (detail: string, nextStep = ''): Failure => new Failure('usage', detail, nextStep, { code: 'WrongUsage' });
