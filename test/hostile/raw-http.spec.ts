/** What no decent client sends: each is answered with a refusal in words or its connection is closed; never a 500, never a hang, and others are served all the while. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withSystem, type Started } from '../e2e/system.ts';

const hangMs = 20_000;
/** Sends bytes as they are; answers what came back until the connection ended or an answer was whole. */
const raw = (started: Started, ...parts: readonly (string | Buffer)[]): Promise<string> => new Promise((resolve, reject) => {
  const socket = connect(Number(new URL(started.origin).port), '127.0.0.1');
  let answer = '';
  const late = setTimeout(() => {
    socket.destroy();
    reject(new Error(`no answer within ${hangMs} ms; so far: ${answer.slice(0, 200)}`));
  }, hangMs);
  const done = (): void => {
    clearTimeout(late);
    socket.destroy();
    resolve(answer);
  };
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk;
    const end = answer.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? Number.NaN);
    if (end >= 0 && answer.length >= end + 4 + length) done();
  });
  socket.once('close', done).on('error', () => undefined);
  for (const part of parts) socket.write(part);
});
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
/** A refusal, or nothing at all. */
const refused = (answer: string): void => {
  const status = statusOf(answer);
  assert.ok(answer === '' || (status >= 400 && status < 500), answer.slice(0, 300));
};
const post = (path: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Buffer => Buffer.concat([
  Buffer.from(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}${'Content-Length' in headers || 'Transfer-Encoding' in headers ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`}\r\n`),
  Buffer.from(body),
]);
const serves = async (started: Started): Promise<void> => assert.equal((await started.call('GET', '/healthz')).status, 200);

test('bodies that are too big, too deep, too many, cut, or not what they say', () => withSystem(async (started) => {
  const token = { Authorization: `Bearer ${started.operator}` };
  const invite = '/commands/AddInvite';
  const bodies: Readonly<Record<string, Buffer>> = {
    'too big': post(invite, JSON.stringify({ email: 'a'.repeat(2_000_000) }), token),
    'said to be huge': post(invite, '{', { ...token, 'Content-Length': '99999999999' }),
    'of a negative length': post(invite, '{}', { ...token, 'Content-Length': '-1' }),
    'with two lengths': Buffer.from(`POST ${invite} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} `),
    'with a length and chunks (smuggling)': Buffer.from(`POST ${invite} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`),
    'with chunks of nonsense': Buffer.from(`POST ${invite} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`),
    'nested a thousand times': post(invite, `{"email":${'['.repeat(1_000)}${']'.repeat(1_000)}}`, token),
    'nested a hundred thousand times': post(invite, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, token),
    'with ten thousand fields': post(invite, JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`f${n}`, n]))), token),
    'of bad UTF-8': post(invite, Buffer.from([0x7b, 0x22, 0x65, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), token),
    'with NUL': post(invite, '{"email":"a\\u0000@example.com"}', token),
    'with a lone surrogate': post(invite, '{"email":"\\ud800@example.com"}', token),
    'with prototype keys': post(invite, '{"__proto__":{"email":"a@example.com"},"constructor":{"prototype":{}}}', token),
    'with the same field twice': post(invite, '{"email":"a@example.com","email":7}', token),
    'a bare number': post(invite, '7', token),
    'not JSON': post(invite, '{email: a}', token),
    'gzip that says nothing of it': post(invite, gzipSync('{"email":"a@example.com"}'), token),
    'a bomb in gzip': post(invite, gzipSync(Buffer.alloc(50_000_000)), { ...token, 'Content-Encoding': 'gzip' }),
    'XML': post(invite, '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>', { ...token, 'Content-Type': 'application/xml' }),
  };
  for (const [name, bytes] of Object.entries(bodies)) {
    const answer = await raw(started, bytes);
    assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|5)/, `${name}: ${answer.slice(0, 200)}`);
    refused(answer);
    await serves(started);
  }
  assert.equal((await started.call('GET', '/invites', { token: started.operator })).json.items.length, 0, 'nothing came of any of them');
}));

test('request lines and headers that make no sense', () => withSystem(async (started) => {
  const lines: readonly (string | Buffer)[] = [
    'GET / HTTP/9.9\r\n\r\n', 'GET\r\n\r\n', '\0\0\0\0\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${'x: y\r\n'.repeat(5_000)}\r\n`, `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 'GET / HTTP/1.1\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET /%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET /%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET /..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET /assets/..%2f..%2fpackage.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET //evil.example.com HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'GET /%E0%A4%A HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \u00ff\r\n\r\n', `GET /gate HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${'a.'.repeat(3_000)}\r\n\r\n`, 'GET /gate HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer tgo_x\r\nAuthorization: Bearer tgo_y\r\n\r\n',
    'GET /invites?limit=1e309&cursor[]=1&cursor[$gt]= HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 'GET /gate?action=run&action=read HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  ];
  for (const line of lines) {
    const answer = await raw(started, line);
    assert.ok(answer === '' || statusOf(answer) < 500, `${line.slice(0, 80)}: ${answer.slice(0, 300)}`);
    assert.doesNotMatch(answer, /root:|"tollgate"/, 'nothing of the disk is shown');
    await serves(started);
  }
}));

test('many who dawdle, or never end their request, hold up nobody', () => withSystem(async (started) => {
  const port = Number(new URL(started.origin).port);
  const slow = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  for (const socket of slow) socket.write('POST /commands/AddInvite HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"e');
  for (let n = 0; n < 20; n += 1) await serves(started);
  for (const socket of slow) socket.destroy();
  await serves(started);
}));

test('one who follows and does not read is not waited for, and costs no memory without end', () => withSystem(async (started) => {
  const port = Number(new URL(started.origin).port);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write(`GET /audit/log?follow=true HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${started.operator}\r\n\r\n`);
    socket.pause();
    return socket;
  });
  for (let n = 0; n < 300; n += 1) assert.equal((await started.call('POST', '/commands/AddInvite', { token: started.operator, body: { email: `p${n}@example.com` } })).status, 200);
  await serves(started);
  for (const socket of sockets) socket.destroy();
  await sleep(10);
  await serves(started);
}));
