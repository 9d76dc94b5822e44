/** The kernel panel: comparing, putting in place, taking back and adding, on a node that really does it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { KERNEL } from './support/fixtures.js';
import { answerAsk, holds, NodeDesk, verifyPoint } from './support/node.js';
import { OMEGA } from './support/omega.js';
import { sound, text } from './support/page.js';
import { benign, hashOf, mistaken } from './support/variant.js';

const OURS = hashOf(KERNEL);
const GOOD = benign('hello');
const BAD = mistaken('batch id leaf');
const desk = new NodeDesk();
before(async () => {
  await desk.start('--batch-size', '1');
  const { ask } = await desk.agree();
  await desk.conflict(ask);
  await desk.add(GOOD);
  await desk.add(BAD);
});
after(() => desk.close());

/** The row of a kernel. */
const row = (page: Page, kernel: Uint8Array | string) =>
  page.locator('#kernel-list li', { hasText: typeof kernel === 'string' ? kernel : hashOf(kernel) }).first();
const press = (at: Locator, name: string) => at.getByRole('button', { name }).click();
/** Answers the question whether something is to be done. */
const answer = (page: Page, name: string) => press(page.locator('#sure'), name);
/** Waits until a row holds a text. */
const says = (at: Locator, words: string | RegExp) =>
  at.filter({ hasText: words }).waitFor({ state: 'visible' });
const active = async () => (await desk.get<{ kernel_hash: string }>('/api/status')).kernel_hash;
const height = async () => Number((await desk.get<{ height: string }>('/api/status')).height);

/** The command centre, of somebody who has a token. */
async function operator(): Promise<{ page: Page; errors: string[] }> {
  const { page, errors } = await desk.open();
  await page.evaluate((token) => sessionStorage.setItem('omega-token', token), desk.token);
  await row(page, BAD).waitFor();
  return { page, errors };
}

test('a kernel that says the same is compared, put in place once somebody is sure, and rolled back', async () => {
  const { page, errors } = await desk.open();
  await says(row(page, OURS), 'Judges now');
  const good = row(page, GOOD);
  await press(good, 'Compare');
  await answerAsk(page, desk.token);
  await says(good, 'No difference. 3 past verdicts judged again: none would be another.');

  await press(good, 'Put in place');
  await holds(page, '#sure h2', `Put kernel ${hashOf(GOOD).slice(0, 8)}… in place?`);
  await page.keyboard.press('Escape');
  await press(good, 'Put in place');
  await answer(page, 'Not now');
  assert.equal(await active(), OURS);
  assert.equal(await page.locator('.does:visible').count(), 4);
  await press(good, 'Put in place');
  await answer(page, 'Put in place');
  await says(
    good,
    /Judges now[\s\S]*judges since height 4[\s\S]*3 past verdicts judged again: none would be another/,
  );
  assert.equal(await active(), hashOf(GOOD));
  await says(row(page, OURS), 'Judged before');
  await page.waitForSelector('.track .tick.swap[data-height="4"]');
  assert.equal(await good.getByRole('button', { name: 'Compare' }).count(), 0);
  assert.equal(await row(page, OURS).getByRole('button', { name: 'Roll back' }).count(), 0);
  await desk.send('alice', desk.event('Under the other one'));

  await press(good, 'Roll back');
  await holds(page, '#sure-what', `Kernel ${OURS.slice(0, 8)}… judges again.`);
  await answer(page, 'Roll back');
  await says(row(page, OURS), 'Judges now');
  assert.equal(await active(), OURS);
  await press(good, 'See its certificate');
  await holds(page, '#panel h2', 'Certificate at height 6');
  await page.keyboard.press('Escape');
  assert.equal(await verifyPoint(page), 'Right');
  assert.match(await text(page, '#point-answer'), /This certificate is about no batch/);
  assert.deepEqual(
    errors.filter((error) => !error.includes('401')),
    [],
  );
  await page.context().close();
});

test('past verdicts that would be others block it, are listed, and are accepted one by one, by keyboard', async () => {
  const { page } = await operator();
  const verdicts = (await height()) - 2;
  const bad = row(page, BAD);
  await bad.getByRole('button', { name: 'Put in place' }).focus();
  await page.keyboard.press('Enter');
  // The button that does nothing has the focus at first.
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'sure-not');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await says(bad, `Nothing was changed. ${verdicts} of ${verdicts} past verdicts would be others.`);
  assert.equal(await active(), OURS);
  const listed = await text(page, '.differences li');
  assert.match(listed, /Accept height 3.*The logs conflict, as before\. .*batch/);
  assert.doesNotMatch(listed, /Accept height 4/);
  const boxes = bad.locator('.differences input');
  assert.equal(await boxes.count(), verdicts);
  const go = bad.getByRole('button', { name: 'Put in place all the same' });
  await boxes.first().focus();
  await page.keyboard.press('Space');
  await says(bad, `1 of ${verdicts} accepted. It can be put in place once each is accepted.`);
  assert.equal(await go.count(), 0);
  // Where another batch comes meanwhile, it is one more; what was ticked stays.
  await desk.send('bob', desk.event('One more'));
  await press(bad, 'Tick all');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Put in place all the same');
  await page.keyboard.press('Enter');
  await holds(page, '#sure-what', `otherwise: at heights 1, 2, 3, 5.`);
  await answer(page, 'Accept them');
  await says(bad, `${verdicts} of ${verdicts + 1} accepted.`);
  assert.equal(await active(), OURS);
  await press(bad, 'See it: height 1');
  await holds(page, '#panel h2', 'Certificate at height 1');
  await page.keyboard.press('Escape');
  await boxes.last().check();
  await go.click();
  await answer(page, 'Accept them');
  await says(bad, /Judges now[\s\S]*5 past verdicts judged again: 5 would be others/);
  assert.equal(await active(), hashOf(BAD));
  await page.context().close();
});

test('somebody else puts another one in place: the panel says so by itself', async () => {
  const { page } = await operator();
  await says(row(page, BAD), 'Judges now');
  const { new_kernel: back } = await desk.operate<{ new_kernel: string }>('/api/kernels/rollback');
  assert.equal(back, OURS);
  await says(row(page, OURS), 'Judges now');
  await says(row(page, BAD), 'Judged before');
  await page.context().close();
});

test('a kernel is added from a file; what is none is refused with its code and a sentence', async () => {
  const { page } = await operator();
  const add = async (name: string, bytes: Uint8Array | string) => {
    const path = join(desk.folder, name);
    writeFileSync(path, bytes);
    await page.setInputFiles('#kernel-file', path);
  };
  await add('diary.wasm', 'not WebAssembly at all');
  await holds(page, '#kernel-state .said', /component.*kernel-invalid/);
  await add('huge.wasm', new Uint8Array((16 << 20) + 1));
  await holds(page, '#kernel-state', 'huge.wasm has 17 MB; a kernel has 17 MB at most.');
  const another = benign('another');
  await add('another.wasm', another);
  await holds(page, '#kernel-state', /another\.wasm is at hand now: kernel .*, version 1 of the rules/);
  await says(row(page, another), 'At hand');
  await add('another.wasm', another);
  await holds(page, '#kernel-state', /another\.wasm was at hand already/);
  // The field is reached by keyboard, and shows that it is.
  await page.focus('#kernel-file');
  const outline = await page.locator('.choose').evaluate((it) => getComputedStyle(it).outlineStyle);
  assert.notEqual(outline, 'none');
  await page.context().close();
});

test('while it runs that shows, and nothing else is begun; how it fails is said', async () => {
  const { page } = await operator();
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  await page.route('**/diff', async (route) => {
    await held;
    await route.continue();
  });
  const good = row(page, GOOD);
  await press(good, 'Compare');
  await good.locator('progress').waitFor();
  await says(good, /Judging the whole archive again with it… [1-9] s/);
  assert.equal(await page.locator('.does:visible:enabled').count(), 0);
  assert.equal(await page.isDisabled('#kernel-file'), true);
  go();
  await says(good, 'No difference');
  assert(await good.getByRole('button', { name: 'Compare' }).isEnabled());
  await page.unrouteAll();

  const busy = {
    code: 'busy',
    message: 'another diff or swap is under way',
    hint: 'Try again when it has ended.',
  };
  await page.route('**/diff', (route) => route.fulfill({ status: 409, json: busy }));
  await press(good, 'Compare');
  await says(good, 'Another diff or swap is under way. Try again when it has ended.busy');
  await page.unrouteAll();
  // The answer is lost: nobody knows whether it was done.
  await page.route('**/swap', (route) => route.abort());
  await press(good, 'Put in place');
  await answer(page, 'Put in place');
  await says(
    good,
    /The node cannot be reached\. Whether the kernel was put in place shows when .*unreachable/,
  );
  await page.unrouteAll();
  await page.context().close();
});

test('a token that may not operate changes nothing, and another one is asked for', async () => {
  const given = execFileSync(
    OMEGA,
    ['token', 'add', '--data', desk.folder, '--name', 'reader', '--scope', 'read'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const { page } = await operator();
  const { token } = JSON.parse(given);
  await page.evaluate((token) => sessionStorage.setItem('omega-token', token), token);
  await press(row(page, GOOD), 'Compare');
  await holds(page, '#ask-why', 'The token "reader" does not allow this: it takes the scope operate.');
  await press(page.locator('#ask'), 'Not now');
  await says(row(page, GOOD), /does not allow this: it takes the scope operate\.forbidden/);
  await page.context().close();
});

test('at 1280 and 360 pixels, light and dark, with differences listed and a question asked', async () => {
  for (const width of [1280, 360]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await desk.open({ colorScheme, viewport: { width, height: 740 }, bypassCSP: true });
      await page.evaluate((token) => sessionStorage.setItem('omega-token', token), desk.token);
      await press(row(page, BAD), 'Compare');
      await says(row(page, BAD), 'Accept height 1');
      await sound(page);
      await press(row(page, BAD), 'Put in place');
      await sound(page);
      const inside = await page.locator('#sure').evaluate((it) => {
        const { left, right, top, bottom } = it.getBoundingClientRect();
        return left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
      });
      assert(inside, `the question does not fit at ${width}`);
      await page.context().close();
    }
  }
});
