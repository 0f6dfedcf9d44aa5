/** Bundles the built server, and the supervisor that it starts as a program of its own. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './prepare.mjs';

// What Nest looks for and does without, what Fastify needs for schemas of its own only, and what few starts load.
const absent = ['@nestjs/platform-express', '@nestjs/microservices', '@nestjs/microservices/*', '@nestjs/websockets', '@nestjs/websockets/*', '@fastify/static', '@fastify/view', '@fastify/multipart', 'class-transformer', 'class-transformer/*'];
const outside = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request', 'stripe', 'nodemailer', 'mongodb', '@eventstore/db-client', '@eventstore/db-client/*', 'openapi3-ts', 'openapi3-ts/*', 'class-validator-jsonschema', 'prom-client'];
/** Imported as a module, `node:http` loads all that it otherwise loads when asked, fetch and WebSocket among it: longer than a start needs for anything else. */
const requiredHttp = {
  name: 'required-http',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) => (kind === 'require-call' ? { path: 'node:http', external: true } : { path: 'http', namespace: 'required-http' }));
    onLoad({ filter: /./, namespace: 'required-http' }, () => ({ contents: "module.exports = require('node:http');" }));
  },
};
/** Nest looks for class-validator's pipe, which nothing here uses: that whole package would come with it. */
const ownValidation = {
  name: 'own-validation',
  setup: ({ onResolve }) => onResolve({ filter: /^class-validator$/ }, ({ importer }) => (importer.includes('@nestjs') ? { path: 'class-validator', external: true } : undefined)),
};
/** As modules, of which only what is used is taken; `node` would be given all of it. */
const alias = { 'rxjs/operators': join(root, 'node_modules/rxjs/dist/esm/operators/index.js'), rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js') };
const built = (file) => join(root, 'dist/src', file);
const outdir = join(root, 'dist/server-bundle');

rmSync(outdir, { recursive: true, force: true });
rmSync(join(root, 'dist/compile-cache'), { recursive: true, force: true });
const common = {
  outdir, alias, external: [...absent, ...outside], mainFields: ['es2015', 'module', 'main'], bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node26', sourcemap: 'external', sourcesContent: false, logLevel: 'error', plugins: [requiredHttp, ownValidation], minifySyntax: true, minifyWhitespace: true,
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
};
await build({ ...common, entryPoints: { server: built('running.js') } });
await build({ ...common, entryPoints: { 'supervisor/main': built('adapters/runtime/supervisor/main.js') } });
