/** The page has words of its own for everything that verifying can end with, and for all that speaks of flags. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { advice, PLAIN } from '../page/advice.js';
import type { Report } from '../page/protocol.js';
import { detail } from '../page/words.js';
import { REPOSITORY } from './support/fixtures.js';

/** Codes that no verification ends with: of commands that a page does not offer, and of evidence files, which are taken apart before. */
const ELSEWHERE = [
  'result-mismatch',
  'damage-unnoticed',
  'file-not-found',
  'is-a-directory',
  'write-failed',
  'store-locked',
  'key-file-mode',
  'key-not-in-policy',
  'engines-differ',
  'kernel-differs',
  'json-invalid',
  'json-number-inexact',
  'result-invalid',
  'not-judged-by-component',
  'already-certified',
  'batch-not-newer',
  'proposal-invalid',
  'proposal-overtaken',
  'proposal-for-another-chain',
  'already-signed',
  'git-repository-invalid',
  'git-shallow',
  'node-collision',
  'trace-invalid',
  'crash-folder-invalid',
  'not-recognised',
  'event-not-found',
  'interrupted',
  'page-missing',
  'page-invalid',
  'evidence-file-invalid',
  'evidence-too-large',
  'node-unreachable',
  'node-refused',
];

test('each code that verifying can end with means something to people, and no other is explained', () => {
  const faults = readFileSync(join(REPOSITORY, 'schemas/faults.md'), 'utf8');
  const codes = [...faults.matchAll(/^\| \d{5} \| `([a-z-]+)` \|/gm)].map(([, code]) => String(code));
  assert(codes.length > 60);
  const wanted = codes.filter((code) => !ELSEWHERE.includes(code));
  assert.deepEqual(Object.keys(PLAIN).sort(), [...wanted, 'usage', 'internal'].sort());
});

/** Sentences of the verifier that name a flag, outside what explains files and outside tests. */
function sentences(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'explain' ? [] : sentences(path);
    const [code = ''] = readFileSync(path, 'utf8').split('#[cfg(test)]');
    const bare = code.replace(/^\s*\/\/.*$/gm, '').replaceAll("'\"'", '');
    const strings = [...bare.matchAll(/"((?:[^"\\]|\\[\s\S])*)"/g)].map(([, words]) => String(words));
    return strings
      .map((words) => words.replace(/\\\n\s*/g, ''))
      .filter((words) => /(^| |\()--[a-z]/.test(words));
  });
}

test('what names a flag is said otherwise: as a detail or, by its code, as advice', () => {
  const found = sentences(join(REPOSITORY, 'verify/src'));
  assert(found.length > 15, found.join('\n'));
  const hints = found.filter((words) => detail(words) === words);
  // Details are whole clauses; what is left tells somebody to do something, and that is what hints do.
  assert.equal(found.length - hints.length, 4, found.join('\n'));
  for (const hint of hints) {
    assert.match(hint, /^(Give|Name|This is|Signed by|Ask|An unfinished|`omega|Make|\s*`check)/, hint);
    for (const code of Object.keys(PLAIN)) {
      const told = advice({ code, hint } as Report);
      assert.doesNotMatch(told ?? '', /--[a-z]|`omega/, code);
    }
  }
});

test('hints without flags are shown as they are; hashes are kept', () => {
  const report = (code: string, hint: string | null) => ({ code, hint }) as Report;
  assert.equal(
    advice(report('log-missing', 'It was cut. Get the whole log.')),
    'It was cut. Get the whole log.',
  );
  assert.match(String(advice(report('log-missing', 'Name each log with --input.'))), /^Add the logs/);
  const hash = 'ab'.repeat(32);
  const kernel = advice(
    report('kernel-unknown', `Give its component with --kernel FILE; \`b3sum FILE\` must print ${hash}.`),
  );
  assert.match(String(kernel), new RegExp(`^Its BLAKE3 is ${hash}\\. Add the file`));
  assert.equal(advice(report('verdict-differs', null)), undefined);
});
