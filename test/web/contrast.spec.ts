/** The colours of the stylesheet keep WCAG AA contrast, light and dark. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assets } from '../../web/assets.ts';

const css = readFileSync(assets['/assets/tollgate.css']!.file, 'utf8');
const tokens = (from: string): Record<string, string> =>
  Object.fromEntries([...from.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!]));
const darkAt = css.indexOf('@media (prefers-color-scheme: dark)');
const light = tokens(css.slice(0, darkAt));
const schemes = { light, dark: { ...light, ...tokens(css.slice(darkAt)) } };

const luminance = (colour: string): number => {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
};
const contrast = (a: string, b: string): number => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
};

const text = ['ink', 'ink-quiet', 'accent', 'accent-hover'].flatMap((front) => ['ground', 'surface', 'sunken'].map((back) => [front, back, 4.5] as const));
const pairs = [
  ...text,
  ...['good', 'warn', 'bad'].map((front) => [front, 'surface', 4.5] as const),
  ['good', 'good-ground', 4.5], ['bad', 'bad-ground', 4.5], ['ink', 'good-ground', 4.5], ['ink', 'bad-ground', 4.5],
  ['on-accent', 'accent', 4.5], ['on-accent', 'accent-hover', 4.5], ['on-stripe', 'stripe-plate', 4.5],
  ['line-strong', 'surface', 3], ['line-strong', 'ground', 3],
] as const;

for (const [scheme, colours] of Object.entries(schemes))
  for (const [front, back, least] of pairs)
    test(`${scheme}: ${front} on ${back} has a contrast of at least ${least}`, () => {
      const found = contrast(colours[front]!, colours[back]!);
      assert.ok(found >= least, found.toFixed(2));
    });
