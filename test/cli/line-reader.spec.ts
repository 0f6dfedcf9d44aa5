import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const module = new URL(`../../cli/line-reader.${extension}`, import.meta.url).href;
const program = `import { LineReader } from ${JSON.stringify(module)}; const lines = new LineReader(); const count = Number(process.argv[1]);
for (let i = 0; i < count; i += 1) console.log(JSON.stringify((await lines.next()) ?? null)); process.exit(0);`;

/** Reads `count` lines in a process of its own, then copies to stdout what is left for others. */
const readLines = async (count: number, input: string | { readonly file: string }): Promise<string> => {
  const file = typeof input === 'string' ? undefined : openSync(input.file, 'r');
  const child = spawn('sh', ['-c', '"$0" --input-type=module -e "$1" "$2"; cat', process.execPath, program, String(count)], { stdio: [file ?? 'pipe', 'pipe', 'inherit'] });
  if (typeof input === 'string') child.stdin?.end(input);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  await new Promise((resolve) => child.once('close', resolve));
  if (file !== undefined) closeSync(file);
  return text;
};

test('lines come one by one, with either line end, the last one without', async () => {
  assert.equal(await readLines(4, 'one\r\n\nthree ümlaut'), '"one"\n""\n"three ümlaut"\nnull\n');
});
test('what was not asked for is left in the pipe', async () => {
  assert.equal(await readLines(1, 'mine\nyours\nand this\n'), '"mine"\nyours\nand this\n');
});
test('what was not asked for is left in a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-lines-'));
  try {
    const file = join(folder, 'input');
    writeFileSync(file, 'mine\nyours\n');
    assert.equal(await readLines(1, { file }), '"mine"\nyours\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
test('no input at all is the end at once', async () => {
  assert.equal(await readLines(1, { file: '/dev/null' }), 'null\n');
});
