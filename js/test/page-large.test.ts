/** A log of 100 MB in the verify page: it stays quick, says how far it is, can be given up, and holds no bytes. */
import assert from 'node:assert/strict';
import { statSync, truncateSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { CDPSession, Page } from 'playwright-core';
import { answered, Desk, remove, sameAsCommand, text } from './support/page.js';

/** Events with payloads of 256 bytes, of which a log has about 100 MB, and of which it has hardly any. */
const LARGE = 260_000;
const SMALL = 1000;
/** Milliseconds that no task of the main thread may take. */
const LONG_TASK = 100;
/** How often that is tried. */
const TRIES = 4;
/** Bytes that a heap may have more with the large log than with the small one: what is not collected yet. */
const SLACK = 8e6;

const desk = new Desk();
before(async () => {
  desk.omega('keygen');
  for (const [name, count] of Object.entries({ large: LARGE, small: SMALL })) {
    desk.omega('generate-events', '--output', `${name}.omega`, '--count', String(count), '--payload', '256');
    desk.certify(name, `${name}.omega`);
  }
  assert(statSync(desk.path('large.omega')).size > 100e6);
  await desk.start();
});
after(() => desk.close());

/** Bytes in use in a heap of JavaScript, and in the buffers that it holds. */
interface Heap {
  used: number;
  buffers: number;
}

/** What the browser says of a heap. */
type Usage = { usedSize?: number; backingStorageSize?: number };

/** Asks the page and its worker again and again how much they hold; the most of each, once `until` is done. */
async function most(page: Page, until: Promise<unknown>): Promise<Record<'page' | 'worker', Heap>> {
  const session = await page.context().newCDPSession(page);
  const worker = await attached(session);
  const heaps = { page: { used: 0, buffers: 0 }, worker: { used: 0, buffers: 0 } };
  let done = false;
  const ended = until.finally(() => {
    done = true;
  });
  while (!done) {
    for (const [name, ask] of [
      ['page', () => session.send('Runtime.getHeapUsage') as Promise<Usage>],
      ['worker', worker],
    ] as const) {
      const { usedSize, backingStorageSize } = await Promise.race([ask(), ended.then((): Usage => ({}))]);
      heaps[name].used = Math.max(heaps[name].used, usedSize ?? 0);
      heaps[name].buffers = Math.max(heaps[name].buffers, backingStorageSize ?? 0);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await ended;
  await session.detach();
  return heaps;
}

/** A way to ask the page's worker for its heap. */
async function attached(session: CDPSession): Promise<() => Promise<Usage>> {
  const { targetInfos } = await session.send('Target.getTargets', { filter: [{ type: 'worker' }] });
  assert.equal(targetInfos.length, 1);
  const { targetId } = targetInfos[0] as { targetId: string };
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
  const waiting = new Map<number, (usage: Usage) => void>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  let last = 0;
  return () => {
    const id = ++last;
    const usage = new Promise<Usage>((resolve) => waiting.set(id, resolve));
    const message = JSON.stringify({ id, method: 'Runtime.getHeapUsage' });
    session.send('Target.sendMessageToTarget', { sessionId, message }).catch(() => waiting.get(id)?.({}));
    return usage;
  };
}

/** Notes how long tasks of the main thread take, and everything that the page says of its progress. */
async function watched(page: Page): Promise<void> {
  await page.evaluate(() => {
    const long: number[] = [];
    const said: number[] = [];
    Object.assign(globalThis, { long, said });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) long.push(duration);
    }).observe({ type: 'longtask' });
    const bar = document.querySelector('progress');
    const note = () => bar?.hasAttribute('value') && said.push(bar.value);
    new MutationObserver(note).observe(bar as Node, { attributes: true });
  });
}

/** Milliseconds of the longest task of the main thread since this was last asked. */
function longest(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { long } = globalThis as unknown as { long: number[] };
    return Math.max(0, ...long.splice(0));
  });
}

test('100 MB: cancelled in the middle, then verified, and no heap grows with it', async () => {
  const first = await desk.open();
  await desk.choose(first.page, 'small.cert', 'small.omega', 'omega.pub');
  const small = await most(first.page, answered(first.page));
  await first.page.context().close();

  const { page, errors } = await desk.open();
  await watched(page);
  await desk.choose(page, 'large.cert', 'large.omega', 'omega.pub');
  await page.click('#verify');
  await page.waitForFunction(() => / of .* read/.test(document.getElementById('state')?.textContent ?? ''));
  await page.click('#cancel');
  await page.waitForFunction(() => document.getElementById('state')?.textContent === 'Cancelled.');
  assert.equal(await page.isVisible('#answer'), false);
  // Its worker was ended; looking at a file starts another.
  await remove(page, 'omega.pub');
  await desk.choose(page, 'omega.pub');

  const large = await most(page, answered(page));
  assert.equal(await page.textContent('#answer-title'), 'Right');
  assert.match(await text(page, '.checks'), new RegExp(`judged again: ${LARGE} events in 1 log`));
  const said = await page.evaluate(() => (globalThis as unknown as { said: number[] }).said);
  const between = said.filter((share) => share > 0.01 && share < 0.99);
  assert(new Set(between).size >= 3, `the bar stood at ${said}`);
  assert.deepEqual(errors, []);
  const held = JSON.stringify({ small, large });
  assert(small.page.used > 0 && small.worker.used > 0, held);
  assert(large.page.used < small.page.used + SLACK, held);
  assert(large.worker.used < small.worker.used + SLACK, held);
  assert(large.page.buffers < small.page.buffers + SLACK, held);
  // Among the worker's buffers is the kernel's own memory, which has something of each event; not the log.
  assert(large.worker.buffers < statSync(desk.path('large.omega')).size, held);
  await sameAsCommand(desk, page);
  // A task waits where the machine is busy with something else: what the page itself takes, it takes each time.
  const takes: number[] = [await longest(page)];
  while (Math.min(...takes) >= LONG_TASK && takes.length < TRIES) {
    await answered(page);
    takes.push(await longest(page));
  }
  assert(Math.min(...takes) < LONG_TASK, `the longest tasks of the main thread took ${takes} ms`);
  await page.context().close();
});

test('a file without end: what is looked at can be taken away, and the page goes on', async () => {
  // A log, then zeros for 64 GB, which take no room on the disk.
  desk.write('endless.omega', desk.read('small.omega'));
  truncateSync(desk.path('endless.omega'), 64e9);
  const { page } = await desk.open();
  await page.setInputFiles('#input', desk.path('endless.omega'));
  await page.waitForFunction(() =>
    /^Looking at endless\.omega: .* of 64 GB/.test(document.getElementById('state')?.textContent ?? ''),
  );
  assert.equal(await page.isDisabled('#verify'), true);
  await remove(page, 'endless.omega');
  await desk.choose(page, 'small.cert', 'small.omega', 'omega.pub');
  assert.equal(await answered(page), 'Right');
  // A shorter one is looked at to its end: what was judged is in it, and what stands behind is said.
  truncateSync(desk.path('endless.omega'), 40e6);
  await remove(page, 'small.omega');
  await desk.choose(page, 'endless.omega');
  assert.equal(await answered(page), 'Right');
  await sameAsCommand(desk, page);
  assert.match(await text(page, '.checks'), /same verdict.*the length field is one that no frame has/);
  await page.context().close();
});
