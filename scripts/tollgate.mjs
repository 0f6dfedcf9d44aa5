#!/usr/bin/env node
/** The CLI: the bundle, built first where it is missing (a fresh clone). */
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/cli-bundle/main.js', import.meta.url);
if (!existsSync(bundle)) (await import('./prepare.mjs')).prepare();
await import(bundle.href);
