/** What nobody holds is collected at any moment: whatever waits for a piece of a file hears of it all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, Desk, remove } from './support/page.js';

const desk = new Desk();
before(async () => {
  desk.lunch();
  await desk.start('--js-flags=--expose-gc');
});
after(() => desk.close());

test('with the collector at work all the time, files are looked at and verified as ever', async () => {
  const { page, errors } = await desk.open();
  const [worker] = page.workers();
  assert(worker);
  // It is the worker that reads.
  await worker.evaluate(() => {
    const { gc } = globalThis as unknown as { gc(): void };
    setInterval(gc, 0);
  });
  for (let round = 0; round < 5; round++) {
    await desk.choose(page, 'cert.log', 'alice.omega', 'bob.omega', 'omega.pub');
    assert.equal(await answered(page), 'Right');
    await remove(page);
  }
  assert.deepEqual(page.workers(), [worker]);
  assert.deepEqual(errors, []);
});
