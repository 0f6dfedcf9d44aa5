import 'reflect-metadata';
import { applyDecorators } from './apply-decorators.ts';
import { IsEmail, IsIn, IsInt, IsObject, IsOptional, IsString, Length, Matches, Max, MaxLength, Min, ValidateBy } from 'class-validator';
import { isGitRef, readAuthority, readGitUrl } from '../domain/git-address.ts';
import { isId } from '../domain/ids.ts';

/** One word for each kind of field: what is checked over HTTP is what the CLI's flags and OpenAPI say. */
const text = (min: number, max: number) => applyDecorators(IsString(), Length(min, max));
export const IsText = (min: number, max: number): PropertyDecorator => text(min, max);
export const IsAddress = (): PropertyDecorator => applyDecorators(IsString(), MaxLength(254), IsEmail({ allow_utf8_local_part: false }, { message: '$property must be an e-mail address' }));
export const IsIdOf = (prefix: string): PropertyDecorator =>
  applyDecorators(IsString(), ValidateBy({ name: 'isId', constraints: [prefix], validator: { validate: (value) => isId(value, prefix), defaultMessage: () => `$property must be an id like ${prefix}_...` } }));
export const IsWhole = (min: number, max: number): PropertyDecorator => applyDecorators(IsInt(), Min(min), Max(max));
export const IsOneOf = (...values: readonly string[]): PropertyDecorator => IsIn([...values]);
/** A name that is also a DNS label. */
export const IsLabel = (): PropertyDecorator => applyDecorators(IsString(), Matches(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/, { message: '$property must be 1 to 40 of a-z, 0-9 and -, beginning and ending with a letter or digit' }));
/** What follows the tenant in a stream's name, or a whole one. */
export const IsStreamId = (): PropertyDecorator => applyDecorators(IsString(), Matches(/^[A-Za-z0-9_.-]{1,300}$/, { message: '$property must be an id or a stream as lists show them' }));
export const IsDigest = (): PropertyDecorator => applyDecorators(IsString(), Matches(/^sha256:[0-9a-f]{64}$/, { message: '$property must be a digest as PUT /sources answers it (sha256:...)' }));
const environmentMax = 100;
/** Names and values for a process: no NUL, no name that could change how it is started. */
export const IsEnvironment = (): PropertyDecorator =>
  applyDecorators(IsObject(), ValidateBy({ name: 'isEnvironment', validator: { validate: isEnvironment, defaultMessage: () => `$property must map at most ${environmentMax} names ([A-Za-z_][A-Za-z0-9_]*, not PORT or TOLLGATE_...) to texts of at most 4096 characters` } }));
const isEnvironment = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length <= environmentMax &&
  Object.entries(value).every(([name, text]) => /^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name) && name !== 'PORT' && name !== '__proto__' && !name.startsWith('TOLLGATE_') && typeof text === 'string' && text.length <= 4096 && !text.includes('\0'));
/** An address that git may be sent to; what is wrong with another is said. */
export const IsGitUrl = (): PropertyDecorator =>
  applyDecorators(IsString(), ValidateBy({ name: 'isGitUrl', validator: { validate: (value) => typeof value === 'string' && !('wrong' in readGitUrl(value)), defaultMessage: (args) => `$property: ${wrongWith(args?.value)}` } }));
const wrongWith = (value: unknown): string => {
  const read = readGitUrl(String(value));
  return 'wrong' in read ? read.wrong : '';
};
export const IsGitRef = (): PropertyDecorator => applyDecorators(IsString(), ValidateBy({ name: 'isGitRef', validator: { validate: isGitRef, defaultMessage: () => '$property must be the name of a branch or tag, or the whole hash of a commit' } }));
export const IsGitHost = (): PropertyDecorator => applyDecorators(IsString(), ValidateBy({ name: 'isGitHost', validator: { validate: (value) => typeof value === 'string' && readAuthority(value) !== undefined, defaultMessage: () => '$property must be the name of a host, like github.com, with a port where that is not 443' } }));
/** One line without spaces: tokens, passwords and the names that go with them. */
export const IsSecretText = (max: number): PropertyDecorator => applyDecorators(IsString(), Matches(/^[!-~\u00a1-\uffff]+$/, { message: '$property must be one line without spaces, and not empty' }), MaxLength(max));
/** May be left out. */
export const Maybe = IsOptional;
