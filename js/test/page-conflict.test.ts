/** Conflicts in the verify page: each rule, with the logs and from the certificate alone. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Page } from 'playwright-core';
import { REPOSITORY } from './support/fixtures.js';
import { answered, type Conflict, Desk, remove, sameAsCommand, text } from './support/page.js';

/** What `generate-events` plants, the rule that it breaks, and words that the page says of that rule. */
const PLANTED: [kind: string, predicate: number, words: RegExp][] = [
  ['lamport-monotonic', 1001, /Lamport times rise/],
  ['event-unique', 1002, /No event stands twice/],
  ['event-id-domain', 1003, /in the range that ids have/],
  ['stream-linked-gap', 1004, /no gaps[\s\S]*perhaps a log is missing/],
  ['stream-linked-break', 1004, /no breaks/],
  ['payload-hash-match', 2001, /the hash that their event names/],
  ['dependency-known', 2002, /is there[\s\S]*perhaps a log is missing/],
  ['dependency-precedes', 2003, /came earlier than the event/],
  ['overlap-agreement', 3001, /One id is one event/],
  ['claim-agreement', 3002, /equal pasts are equal/],
];

/** Vectors of two batches: what the second breaks is about what the first left. */
const AGAINST_STATE: [vector: string, predicate: number][] = [
  ['1001-frontier', 1001],
  ['2002-missing-after-state', 2002],
  ['3001-accepted', 3001],
];

const desk = new Desk();
let page: Page;
before(async () => {
  desk.omega('keygen');
  await desk.start();
  page = (await desk.open()).page;
});
after(() => desk.close());
beforeEach(() => remove(page));

const CONFLICT = '#answer > div > section > .conflict';

/** The page shows this conflict: rule, sentence, events side by side, and what differs in them. */
async function shows({ predicate, sentence, events, accepted }: Conflict): Promise<void> {
  const told = await text(page, CONFLICT);
  assert(told.includes(`Rule ${predicate} `), told);
  assert(told.toLowerCase().includes(sentence.toLowerCase()), told);
  const columns = accepted ? [...events, accepted] : events;
  assert.equal(await page.locator(`${CONFLICT} .events thead th`).count(), columns.length);
  const rows = page.locator(`${CONFLICT} .events tbody tr`);
  const shown = await rows.evaluateAll((rows) =>
    rows.map((row) => ({
      name: row.querySelector('th')?.textContent ?? '',
      values: [...row.querySelectorAll('td')].map(({ textContent }) => textContent ?? ''),
      differs: row.classList.contains('differs'),
    })),
  );
  for (const [name, field] of Object.entries({
    Id: 'id',
    'Lamport time': 'lamport',
    'Event hash': 'event_hash',
  })) {
    const row = shown.find((row) => row.name.replace(' ≠', '') === name);
    assert.deepEqual(
      row?.values,
      columns.map((event) => String(event[field])),
    );
  }
  for (const { name, values, differs } of shown) {
    assert.equal(differs, name.endsWith(' ≠'));
    const compared = accepted ? values.filter((value, at) => at < events.length || value !== '–') : values;
    assert.equal(differs, new Set(compared).size > 1, `${name}: ${values}`);
  }
}

for (const [kind, predicate, words] of PLANTED) {
  test(`${predicate} ${kind}: with the logs, and from the certificate alone`, async () => {
    desk.omega('generate-events', '--output', `${kind}.omega`, '--count', '10', '--conflict', kind);
    const logs = [`${kind}.omega`];
    if (predicate === 3001) logs.push(`${kind}.second.omega`);
    desk.certify(kind, ...logs);
    await desk.choose(page, `${kind}.cert`, 'omega.pub', ...logs);
    assert.equal(await answered(page), 'Right');
    const { certificates } = await sameAsCommand(desk, page);
    const conflict = certificates.at(-1)?.conflict;
    assert(conflict?.predicate === predicate);
    await shows(conflict);
    assert.match(await text(page, CONFLICT), words);
    assert.match(
      await text(page, '.verdict'),
      /^The logs conflict: .* judging them again here gave the same/,
    );
    assert.match(await text(page, '.pair'), /The conflict is real[\s\S]*same verdict to the bit/);
    await remove(page, ...logs);
    assert.equal(await answered(page), 'Right');
    await sameAsCommand(desk, page);
    await shows(conflict);
    assert.match(await text(page, '.verdict'), /its evidence shows it\. No log was judged again here/);
    assert.match(await text(page, '.pair'), /The conflict is real[\s\S]*no log was given/);
    assert.doesNotMatch(
      await text(page, '#answer'),
      /same verdict to the bit|Whether it is so was not shown/,
    );
  });
}

test('against what earlier batches left: with the state, with the whole chain, and without', async () => {
  for (const [vector, predicate] of AGAINST_STATE) {
    const name = (end: string) => `${vector}.${end}`;
    for (const batch of [1, 2]) {
      const from = join(REPOSITORY, 'tests/vectors/reject', vector, `${batch}-1.omega`);
      copyFileSync(from, desk.path(name(`${batch}.omega`)));
      const given = ['--input', name(`${batch}.omega`), '--batch-id', String(batch)];
      if (batch === 2) given.push('--snapshot', name('snap'));
      const kept = batch === 1 ? ['--save-snapshot', name('snap')] : ['--crash-dir', name('crash')];
      desk.omega('reconcile', ...given, ...kept, '--output', name('result'));
      const into = ['--cert-log', name('log'), '--output', name(`${batch}.cert`)];
      desk.omega('certify', '--result', name('result'), ...into);
    }
    // The state as a file, then nothing, then the logs of all batches.
    const files = [name('2.cert'), name('2.omega'), name('snap'), 'omega.pub'];
    await desk.choose(page, ...files);
    assert.equal(await answered(page), 'Right', vector);
    const { certificates } = await sameAsCommand(desk, page);
    const conflict = certificates.at(-1)?.conflict;
    assert(conflict?.predicate === predicate);
    await shows(conflict);
    assert.match(await text(page, '.pair'), /state that the batch starts from/);
    await remove(page, name('snap'));
    assert.equal(await answered(page), 'Could not check', vector);
    assert.equal((await sameAsCommand(desk, page)).code, 'snapshot-missing');
    assert.match(await text(page, '.hint'), /Add the snapshot .* or the whole chain/);
    await remove(page, name('2.cert'));
    await desk.choose(page, name('log'), name('1.omega'));
    assert.equal(await answered(page), 'Right', vector);
    await sameAsCommand(desk, page);
    await shows(conflict);
    assert.equal(await page.locator('.chain > li').count(), 3);
    assert.match(await text(page, '.verdict'), /judging them again here gave the same/);
    // From the state on: the first batch is not judged again, and that is said.
    await remove(page, name('1.omega'));
    await desk.choose(page, name('snap'));
    assert.equal(await answered(page), 'Right', vector);
    await sameAsCommand(desk, page);
    assert.match(
      await text(page, '.verdict'),
      /gave the same\. Older batches of the chain were not judged again/,
    );
    await remove(page);
  }
});
