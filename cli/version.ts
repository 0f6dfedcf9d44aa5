/** `tollgate version`, from the package this program is part of. */
import { readFileSync } from 'node:fs';
import type { Call } from './command.ts';

export const versionText = (): string => {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { name?: string; version?: string };
      if (name === 'tollgate' && version !== undefined) return version;
    } catch {
      // higher up
    }
    if (folder.pathname === '/' || folder.href === new URL('..', folder).href) return 'unknown';
  }
};
export const version = async ({ out }: Call): Promise<void> => {
  const text = versionText();
  await out.result({ version: text, node: process.version, platform: `${process.platform}-${process.arch}` }, () => out.data(`tollgate ${text}`));
};
