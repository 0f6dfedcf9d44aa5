/** Where the repository is, from the sources and from a build alike. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
export const root = here.includes(join('dist', 'test')) ? join(here, '../../..') : join(here, '../..');
