/** Using the command centre: by keyboard, on a narrow screen, in the dark, by ear, with reads protected. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { newContext } from '../scripts/chromium.mjs';
import { holds, live, NodeDesk, verifyPoint } from './support/node.js';
import { sound } from './support/page.js';

const desk = new NodeDesk();
before(async () => {
  await desk.start();
  const { ask } = await desk.agree();
  await desk.conflict(ask);
  await desk.send(
    'eve',
    desk.event('It hangs on what nobody has', {
      deps: ['0'.repeat(16) + 'f'.repeat(16)],
    }),
  );
});
after(() => desk.close());

const where = (page: Page) =>
  page.evaluate(() => {
    const it = document.activeElement as HTMLElement | null;
    return it?.id || it?.dataset.key || it?.textContent || '';
  });

test('by keyboard alone: everything is reached in the order in which it is read, and shows that it is', async () => {
  const { page } = await desk.open();
  await page.waitForTimeout(500);
  const seen: string[] = [];
  for (let presses = 0; presses < 80 && !seen.includes('incidents-all'); presses++) {
    await page.keyboard.press('Tab');
    seen.push(await where(page));
    const outlined = await page.evaluate(() => {
      const it = document.activeElement as HTMLElement;
      return getComputedStyle(it).outlineStyle !== 'none' || it.matches('.skip');
    });
    assert(outlined, `${seen.at(-1)} does not show that it has the focus`);
  }
  const order = [
    'Skip to what needs attention',
    'i2release',
    'lately',
    'map-fit',
    'map-list-toggle',
    'map',
    'go-height',
    'scroll',
    'point-verify',
    'key',
    'incidents-all',
  ];
  const places = order.map((name) => seen.indexOf(name));
  assert(
    !places.includes(-1),
    `not reached: ${order.filter((_, at) => places[at] === -1)}; reached: ${seen}`,
  );
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  // Panels are left with Escape, and one stands where one stood.
  await page.focus('#lately button');
  const from = await where(page);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#panel[open]');
  assert.equal(await where(page), 'panel-title');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#panel', { state: 'hidden' });
  assert.equal(await where(page), from);
  await page.context().close();
});

test('at 1280 and 360 pixels, light and dark, nothing is wider than the screen and axe finds nothing', async () => {
  for (const width of [1280, 360]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const viewport = { width, height: 740 };
      const { page } = await desk.open({ colorScheme, viewport, bypassCSP: true });
      await holds(page, '#signers .figure', '1 of 1');
      await verifyPoint(page);
      await page.click('#map-list-toggle');
      await page.waitForTimeout(400);
      const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(paper, colorScheme === 'dark' ? 'rgb(21, 23, 26)' : 'rgb(251, 250, 247)');
      await sound(page);
      for (const open of ['#lately button', '#map-list li button']) {
        await page.locator(open).first().click();
        await page.waitForSelector('#panel h3');
        await sound(page);
        await page.keyboard.press('Escape');
        await page.waitForSelector('#panel', { state: 'hidden' });
      }
      await page.context().close();
    }
  }
});

test('several open incidents: one is chosen, and a note that is being written is not lost', async () => {
  const { page } = await desk.open();
  await page.waitForSelector('#conflicts .choices');
  const chosen = () => page.locator('#conflicts .choices [aria-pressed="true"]').textContent();
  assert.match(String(await chosen()), /✕ 2/);
  await page.locator('#conflicts .choices button').nth(1).click();
  await holds(page, '#conflicts .rule', 'Rule 3001');
  assert.match(String(await chosen()), /✕ 1/);
  await page.locator('#conflicts').getByLabel('Why').fill('I ask mallory');
  await desk.send('frank', desk.event('Something else happens'));
  await holds(page, '#lately', 'the logs agree');
  await page.waitForTimeout(400);
  assert.equal(await page.locator('#conflicts').getByLabel('Why').inputValue(), 'I ask mallory');
  await page.context().close();
});

test('where reading takes a token, it is asked for once, and the stream goes on with it', async () => {
  const protectedDesk = new NodeDesk();
  try {
    await protectedDesk.start('--protect-reads', 'true');
    assert(protectedDesk.browser);
    const context = await newContext(protectedDesk.browser);
    const page = await context.newPage();
    await page.goto(protectedDesk.url);
    await page.waitForSelector('#ask[open]');
    // Whoever gives none is left alone until they want to.
    await page.getByRole('button', { name: 'Not now' }).click();
    await holds(page, '#link', 'Cut off: this takes a token');
    await page.waitForTimeout(2500);
    assert.equal(await page.locator('#ask[open]').count(), 0);
    await page.click('#retry');
    await page.waitForSelector('#ask[open]');
    await page.fill('#ask-token', protectedDesk.token);
    await page.keyboard.press('Enter');
    await live(page);
    await protectedDesk.send('alice', protectedDesk.event('Hello'));
    await holds(page, '#figures', 'Height1');
    assert.equal(await verifyPoint(page), 'Right');
    await page.reload();
    await live(page);
    assert.equal(await page.locator('#ask[open]').count(), 0);
    await context.close();
  } finally {
    await protectedDesk.close();
  }
});
