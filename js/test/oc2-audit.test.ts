/** The audit of the chain: points of it are verified in the browser, and what is not right is seen. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { holds, NodeDesk, pointVerified, verifyPoint } from './support/node.js';
import { text } from './support/page.js';

const desk = new NodeDesk();
/** Height of the conflict, and of what stands behind it. */
let conflict = 0;
let newest = 0;
before(async () => {
  await desk.start();
  const { ask } = await desk.agree();
  for (let round = 0; round < 5; round++) await desk.send('carol', desk.event(`Note ${round}`));
  conflict = Number((await desk.conflict(ask)).certified?.height);
  newest = Number((await desk.send('carol', desk.event('The last one'))).certified?.height);
});
after(() => desk.close());

async function at(page: Page, height: number): Promise<void> {
  await page.fill('#go-height', String(height));
  await page.keyboard.press('Enter');
  await holds(page, '#point .lead', `Height ${height}`);
}

test('a point is verified by the kernel that it names, and so are a conflict and the first certificate', async () => {
  const { page, errors } = await desk.open();
  await holds(page, '#point .lead', `Height ${newest} · the logs agree`);
  assert.equal(await verifyPoint(page), 'Right');
  const checks = await text(page, '#point-answer .checks li');
  for (const passed of ['Signatures', 'Kernel', 'Snapshot', 'Logs', 'Chain', 'Freshness']) {
    assert.match(checks, new RegExp(`Passed${passed}`), passed);
  }
  assert.match(checks, /judged again: 1 event in 1 log, same verdict to the bit/);
  assert.match(await text(page, '#point-answer'), /Whoever signed was accepted/);
  await at(page, conflict);
  assert.equal(await verifyPoint(page), 'Right');
  assert.match(await text(page, '#point-answer'), /The logs conflict: the certificate says so/);
  assert.match(await text(page, '#point-answer .checks'), /PassedEvidence/);
  await at(page, 0);
  assert.equal(await verifyPoint(page), 'Right');
  assert.equal(await page.locator('.track .tick.verified').count(), 3);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test('whom to trust: the right key, and another one', async () => {
  const { page } = await desk.open();
  await page.fill('#key', readFileSync(join(desk.folder, 'node.pub'), 'utf8').trim());
  assert.equal(await verifyPoint(page), 'Right');
  assert.match(await text(page, '#point-answer .checks'), /PassedTrust.*whom you trust/);
  assert.doesNotMatch(await text(page, '#point-answer'), /Whoever signed/);
  await page.fill('#key', 'ab'.repeat(32));
  assert.notEqual(await verifyPoint(page), 'Right');
  assert.equal(await page.locator('.track .tick.failed').count(), 1);
  await page.context().close();
});

/** Has every answer at a path changed on its way. */
async function tampered(page: Page, path: string | RegExp, change: (bytes: Buffer) => void): Promise<void> {
  await page.route(
    (url) => (typeof path === 'string' ? url.pathname === path : path.test(url.pathname)),
    async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      change(body);
      await route.fulfill({ response, body });
    },
  );
}

test('what was changed on its way is seen: certificates, logs, a batch before, the kernel', async () => {
  const flip = (at: (bytes: Buffer) => number) => (bytes: Buffer) => {
    const place = at(bytes);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
  };
  const middle = flip((bytes) => bytes.length >> 1);
  const cases: [string, string | RegExp, (bytes: Buffer) => void][] = [
    ['the chain', '/api/cert.log', middle],
    ['its own log', `/api/certificates/${newest}/logs/0`, flip((bytes) => bytes.length - 20)],
    ['a log before it', '/api/certificates/2/logs/0', flip((bytes) => bytes.length - 20)],
    ['the kernel', /^\/kernels\//, middle],
  ];
  for (const [what, path, change] of cases) {
    const { page } = await desk.open();
    await tampered(page, path, change);
    const heading = await verifyPoint(page);
    assert.match(heading, /^(Wrong|Could not check)$/, what);
    assert.equal(await page.locator('.track .tick.failed').count(), 1, what);
    // Once nobody changes it any more, it is right again: nothing wrong is kept.
    await page.unrouteAll();
    assert.equal(await verifyPoint(page), 'Right', what);
    await page.context().close();
  }
});

test('another log in the place of one before leads to another state, and that is seen', async () => {
  const { page } = await desk.open();
  const other = Buffer.from(await (await fetch(`${desk.url}/api/certificates/4/logs/0`)).arrayBuffer());
  await page.route('**/api/certificates/3/logs/0', (route) => route.fulfill({ body: other }));
  assert.equal(await verifyPoint(page), 'Wrong');
  assert.match(await text(page, '#point-answer .checks .failed'), /Snapshot/);
  await page.context().close();
});

test('a list that names another hash than the chain has is not believed', async () => {
  const { page } = await desk.open();
  await page.route(/\/api\/certificates\?from=2&/, async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    answer.certificates[0].chain_hash = 'cd'.repeat(32);
    await route.fulfill({ response, json: answer });
  });
  await page.evaluate(() => document.getElementById('point-answer')?.replaceChildren());
  await at(page, 2);
  const answer = await verifyPoint(page);
  // What the page heard at its beginning is right; the list is asked for what it does not have.
  assert.equal(answer, 'Right');
  await page.route(/\/api\/certificates\?limit=/, async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    for (const entry of answer.certificates) entry.chain_hash = 'cd'.repeat(32);
    await route.fulfill({ response, json: answer });
  });
  await page.reload();
  await holds(page, '#point .lead', `Height ${newest}`);
  assert.notEqual(await verifyPoint(page), 'Right');
  await page.context().close();
});

test('along the chain by keyboard, and to conflicts', async () => {
  const { page } = await desk.open();
  await page.focus('#scroll');
  await page.keyboard.press('Home');
  await holds(page, '#point .lead', 'Height 0 · the chain starts');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('#scroll', 'aria-valuenow'), '2');
  assert.equal(await page.getAttribute('#scroll', 'aria-valuetext'), `Height 2 of ${newest}: the logs agree`);
  await page.keyboard.press('Enter');
  assert.equal(await pointVerified(page), 'Right');
  assert.match(String(await page.getAttribute('#scroll', 'aria-valuetext')), /verified here$/);
  await page.click('#go-conflict-after');
  await holds(page, '#point .lead', `Height ${conflict} · the logs conflict`);
  await page.click('#go-conflict-after');
  await holds(page, '#point .lead', `Height ${conflict}`);
  await page.focus('#scroll');
  await page.keyboard.press('End');
  await holds(page, '#point .lead', `Height ${newest}`);
  await page.context().close();
});

test('a click on a mark chooses it; work can be given up', async () => {
  const { page } = await desk.open();
  await page.locator('.tick[data-height="3"]').click();
  await holds(page, '#point .lead', 'Height 3');
  await page.route('**/api/certificates/2/logs/0', () => {});
  await page.click('#point-verify');
  await page.click('#point-cancel');
  await holds(page, '#point-state', 'cancelled');
  await page.unrouteAll();
  assert.equal(await verifyPoint(page), 'Right');
  await page.context().close();
});

test('gaps, swaps and a change of signers have marks of their own', async () => {
  const { page } = await desk.open();
  const changed = async (body: { certificates: Record<string, unknown>[] }) => {
    const certificates = body.certificates.filter(({ height }) => height !== '5');
    for (const entry of certificates) {
      if (entry.height === '3') Object.assign(entry, { cert_type: 'swap', verdict: null });
      if (entry.height === '4') Object.assign(entry, { cert_type: 'policy', verdict: null });
      if (Number(entry.height) > 3) entry.kernel_hash = 'ef'.repeat(32);
    }
    return { ...body, certificates };
  };
  await page.route(/\/api\/certificates\?/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: await changed(await response.json()) });
  });
  await page.reload();
  await page.waitForSelector('.track .tick.missing[data-height="5"]');
  await page.waitForSelector('.track .tick.swap[data-height="3"]');
  await page.waitForSelector('.track .tick.policy.swapped[data-height="4"]');
  await page.fill('#go-height', '5');
  await page.keyboard.press('Enter');
  await holds(page, '#point', 'The node has no certificate at this height: a gap.');
  await page.context().close();
});
