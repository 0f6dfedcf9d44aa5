/** Bodies of calls that are no commands, and the one way every body is checked. */
import 'reflect-metadata';
import { getMetadataStorage, IsBoolean, Length, IsString, validateSync, type ValidationError } from 'class-validator';
import { HttpProblem, invalid } from './problem.ts';
import { IsAddress, IsIdOf, Maybe } from '../../commands/validation.ts';
import type { FlowId, SessionId } from '../../domain/ids.ts';

export class OtpBody {
  @IsAddress() readonly email!: string;
}
export class ResendBody {
  @IsAddress() readonly email!: string;
  @IsIdOf('flw') readonly flowId!: FlowId;
}
export class VerifyBody {
  @IsAddress() readonly email!: string;
  @IsIdOf('flw') readonly flowId!: FlowId;
  @IsString() @Length(1, 200) readonly token!: string;
}
export class PaymentTokenBody {
  @IsString() @Length(1, 200) readonly paymentToken!: string;
}
export class PasswordLoginBody {
  @IsAddress() readonly email!: string;
  @IsString() @Length(1, 1000) readonly password!: string;
}
export class PasswordBody {
  @IsString() @Length(1, 1000) readonly password!: string;
  /** The one that it replaces; left out where there is none yet. */
  @Maybe() @IsString() @Length(1, 1000) readonly old?: string;
}
export class ResetBody {
  @IsAddress() readonly email!: string;
  @IsIdOf('flw') readonly flowId!: FlowId;
  @IsString() @Length(1, 200) readonly token!: string;
  @IsString() @Length(1, 1000) readonly password!: string;
}
export class RefreshBody {
  @IsString() @Length(1, 200) readonly refreshToken!: string;
}
export class CloseBody {
  @Maybe() @IsBoolean() readonly everywhere?: boolean;
  /** Another session of one's own. */
  @Maybe() @IsIdOf('ses') readonly sessionId?: SessionId;
}
export class DurationBody {
  @IsString() @Length(1, 40) readonly duration!: string;
}

const depthMax = 20;
/** Keys beginning with `$` are ours alone; depth is bounded; texts are Unicode. */
const checkKeys = (value: unknown, path: string, depth: number): void => {
  if (depth > depthMax) throw new HttpProblem(400, 'InvalidInput', 'The body is nested too deeply.', 'Send a flatter body.');
  // Half a surrogate pair is no character: what stores and mails texts could not keep it.
  if (typeof value === 'string' && !value.isWellFormed()) throw invalid([{ field: path.slice(0, -1), message: `${path.slice(0, -1)} must be well-formed Unicode` }]);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('$')) throw invalid([{ field: `${path}${key}`, message: `a field may not begin with $: ${path}${key}` }]);
    checkKeys(item, `${path}${key}.`, depth + 1);
  }
};
const flatten = (errors: readonly ValidationError[], path = ''): { field: string; message: string }[] =>
  errors.flatMap((error) => [...Object.values(error.constraints ?? {}).map((message) => ({ field: path + error.property, message })), ...flatten(error.children ?? [], `${path}${error.property}.`)]);

/** What is to be checked of a class does not change once it is loaded; class-validator goes through all classes for it each time. */
const storage = getMetadataStorage();
const lookUp = storage.getTargetValidationMetadatas.bind(storage);
const known = new Map<unknown, ReturnType<typeof lookUp>>();
storage.getTargetValidationMetadatas = (type, schema, always, strict, groups) => {
  if (groups !== undefined || schema || always || strict) return lookUp(type, schema, always, strict, groups);
  let found = known.get(type);
  if (!found) known.set(type, (found = lookUp(type, schema, always, strict, groups)));
  return found;
};

/** An instance of `type`, or a 400 that names the fields. */
export const checked = <T extends object>(type: new () => T, body: unknown): T => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new HttpProblem(400, 'InvalidInput', 'The body must be a JSON object.', 'Send Content-Type: application/json and an object.');
  checkKeys(body, '', 0);
  // The one name that would hide from the validator what it is to check against.
  if (Object.hasOwn(body, 'constructor')) throw invalid([{ field: 'constructor', message: 'property constructor should not exist' }]);
  const instance = Object.assign(new type(), body);
  const errors = flatten(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: false, stopAtFirstError: true }));
  if (errors.length > 0) throw invalid(errors);
  return instance;
};
