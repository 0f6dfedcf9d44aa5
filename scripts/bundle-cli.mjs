/** Writes the description of the catalog that the CLI is generated from, then bundles the CLI for any Node >= 20. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { root } from './prepare.mjs';
import { join } from 'node:path';

const { describeForCli } = await import(join(root, 'dist/src/describe-for-cli.js'));
mkdirSync(join(root, 'cli/generated'), { recursive: true });
writeFileSync(join(root, 'cli/generated/catalog.json'), `${JSON.stringify(describeForCli(), null, 1)}\n`);
rmSync(join(root, 'dist/cli-bundle'), { recursive: true, force: true });
const bundled = {
  bundle: true, format: 'esm', platform: 'node', target: 'node20', sourcemap: 'linked', logLevel: 'error', minifySyntax: true, minifyWhitespace: true,
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
};
const outdir = join(root, 'dist/cli-bundle');
/** The first page of help is one file: each of the ten it would be in pieces costs a third of a millisecond. */
const helpApart = { name: 'help-apart', setup: ({ onResolve }) => onResolve({ filter: /^\.\/top-help\.ts$/ }, ({ importer }) => (importer.endsWith('/main.ts') ? { path: './top-help.js', external: true } : undefined)) };
await build({ ...bundled, entryPoints: [join(root, 'cli/main.ts')], outdir, splitting: true, plugins: [helpApart] });
await build({ ...bundled, entryPoints: [join(root, 'cli/top-help.ts')], outdir });
