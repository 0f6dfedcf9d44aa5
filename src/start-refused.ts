/** Something the operator has to change before it can start: told in one line, without a stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
