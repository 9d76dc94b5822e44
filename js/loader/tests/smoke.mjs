// The loader as it was built, in Node, without any kernel: node js/loader/tests/smoke.mjs FOLDER
// What it says with kernels is held to the command's answers by the tests of the package.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = resolve(process.argv[2] ?? 'js/build/loader');
const loader = await import(pathToFileURL(join(folder, 'loader.js')).href);
await loader.default({ module_or_path: readFileSync(join(folder, 'loader_bg.wasm')) });
const root = new URL('../../../', import.meta.url);
const nothing = { kernels: [], kernel: () => assert.fail('no kernel is at hand') };

// BLAKE3, whole and in pieces, as its authors state it.
assert.equal(
  loader.hash(new Uint8Array(0)),
  'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
);
const hasher = new loader.Hasher();
hasher.update(new Uint8Array([0, 1]));
hasher.update(new Uint8Array([2]));
assert.equal(hasher.digest(), loader.hash(new Uint8Array([0, 1, 2])));

// A policy is read, and a mistake in one is named with its line.
const policy = readFileSync(new URL('schemas/trust.example.toml', root));
assert.equal(loader.explain('trust.toml', policy).report.kind, 'trust-policy');
const mistake = loader.explain('trust.toml', new TextEncoder().encode('signers = []\nsinger = 1\n'));
assert.match(mistake.report.message, /line 2: unknown field `singer`/);
assert.deepEqual([mistake.exit, mistake.report.code], [30, 'trust-policy-invalid']);

// Whatever is handed over, there is an answer; nothing panics.
const bytes = (...values) => new Uint8Array(values);
const file = (content) => ({ name: 'a file', bytes: content });
const broken = { name: 'x.omega', readAt: async () => bytes(1, 2, 3), pieces: () => ({}) };
const requests = [
  [undefined, 2],
  [{}, 2],
  [{ certificate: 7 }, 2],
  [{ certificate: file(bytes()) }, 30],
  [{ certificate: file(bytes(1, 2, 3)), anySigner: true }, 30],
  [{ certificateLog: file(bytes(1, 2, 3)) }, 30],
  [{ certificate: file(bytes(1)), trust: ['no key'] }, 30],
  [{ certificate: file(bytes(1)), trust: 'no list' }, 2],
  [{ certificate: file(bytes(1)), head: 'no hash' }, 2],
  [{ certificate: file(bytes(1)), proof: file(bytes(1)) }, 30],
  [{ certificate: file(bytes(1)), policy: file(bytes(0xff)) }, 30],
  [
    {
      certificate: file(bytes(1)),
      inputs: [broken, null, 5, { failure: { code: 'file-not-found', message: 'none' } }],
    },
    1,
  ],
];
for (const [request, exit] of requests) {
  const answer = await loader.verify(request, nothing);
  assert.deepEqual([answer.exit, answer.report.exit], [exit, exit], JSON.stringify(answer.report));
  assert.ok(answer.text.length > 0);
}

// Work that is ended ends with what ended it.
const stop = { code: 'interrupted', message: 'enough' };
const endless = { name: 'x.omega', readAt: () => Promise.reject(stop), pieces: () => ({}) };
const ended = loader.verify({ certificate: file(bytes(1)), inputs: [endless] }, nothing);
await assert.rejects(ended, (error) => error === stop);
console.log('loader: ok');
