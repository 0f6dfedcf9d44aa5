#!/bin/sh
":" //; exec /usr/bin/env node -- "$0" "$@"
/**
 * The CLI: the bundle, built first where it is missing (a fresh clone). The line above is a command to the shell and nothing to Node: without
 * `--` Node takes our --env-file for its own, although it comes after the script.
 */
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/cli-bundle/main.js', import.meta.url);
if (!existsSync(bundle)) (await import('./prepare.mjs')).prepare();
await import(bundle.href);
