/** Using the verify page: without a network, by keyboard, by mouse, on a narrow screen, by ear. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { newContext, serve } from '../scripts/chromium.mjs';
import { answered, Desk, looked, PAGE, sound, text } from './support/page.js';

const desk = new Desk();
before(async () => {
  desk.lunch();
  const second = ['fork.omega', 'fork.second.omega'];
  desk.omega('generate-events', '--output', 'fork.omega', '--count', '10', '--conflict', 'overlap-agreement');
  desk.certify('fork', ...second);
  await desk.start();
});
after(() => desk.close());

test('from a server, and then no network at all; nothing can be asked for', async () => {
  const server = await serve([join(process.cwd(), 'dist/page')], { '/': readFileSync(PAGE) });
  assert(desk.browser);
  const context = await newContext(desk.browser);
  const page = await context.newPage();
  const asked: string[] = [];
  await page.goto(server.url);
  await page.waitForSelector('#kernel code');
  await server.close();
  page.on('request', (request) => asked.push(request.url()));
  await context.setOffline(true);
  await desk.choose(page, 'omega.cert', 'alice.omega', 'bob.omega', 'omega.pub');
  assert.equal(await answered(page), 'Right');
  assert(
    asked.every((url) => url.startsWith('blob:')),
    asked.join(),
  );
  const violation = page.evaluate(
    () =>
      new Promise((resolve) =>
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective)),
      ),
  );
  await page.evaluate((url) => fetch(url).catch(() => {}), server.url);
  assert.equal(await violation, 'connect-src');
  await context.close();
});

/** Lets go of files over an element, as a mouse does; whether the page took them. */
async function drop(page: Page, selector: string, ...names: string[]): Promise<boolean> {
  const files = names.map((name) => ({ name, bytes: [...desk.read(name)] }));
  return page.evaluate(
    ([selector, files]) => {
      const dataTransfer = new DataTransfer();
      for (const { name, bytes } of files) dataTransfer.items.add(new File([Uint8Array.from(bytes)], name));
      const at = document.querySelector(selector);
      const send = (type: string) =>
        at?.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      send('dragenter');
      const marked = document.querySelector('#drop')?.classList.contains('over');
      send('dragover');
      // A drop that is not taken replaces the page by the file.
      const taken = send('drop') === false;
      const still = document.querySelector('#drop')?.classList.contains('over');
      return taken && marked === true && still === false;
    },
    [selector, files] as const,
  );
}

test('files dropped on their place, and beside it', async () => {
  const { page } = await desk.open();
  assert(await drop(page, '#drop', 'omega.cert', 'alice.omega'));
  await looked(page, 2);
  assert(await drop(page, 'footer', 'bob.omega', 'omega.pub'));
  await looked(page, 4);
  assert.deepEqual(await page.locator('#list .name').allTextContents(), [
    'omega.cert',
    'alice.omega',
    'bob.omega',
    'omega.pub',
  ]);
  assert.equal(await answered(page), 'Right');
  await page.context().close();
});

test('the command is copied as it stands there, with a clipboard and without', async () => {
  const { page } = await desk.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await desk.choose(page, 'omega.cert', 'alice.omega', 'bob.omega', 'omega.pub');
  await answered(page);
  const command = await page.textContent('.command code');
  const copy = page.getByRole('button', { name: 'Copy the command' });
  await copy.click();
  await page.waitForFunction(() => document.querySelector('.command button')?.textContent === 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
  assert.equal(await page.textContent('#live'), 'Copied.');
  // Where the browser refuses, the text is selected and copied the old way.
  await page.evaluate(async () => {
    await navigator.clipboard.writeText('something else');
    Object.defineProperty(navigator.clipboard, 'writeText', { value: () => Promise.reject(new Error('no')) });
  });
  await copy.click();
  await page.waitForFunction(async (command) => (await navigator.clipboard.readText()) === command, command);
  await page.context().close();
});

test('by keyboard alone, at 360 pixels, and without fault for those who hear it', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await desk.open({ colorScheme, viewport: { width: 360, height: 740 }, bypassCSP: true });
    await desk.choose(page, 'fork.log', 'fork.omega', 'fork.second.omega', 'omega.pub');
    // From the field for files to the button, past the files' own buttons, as Tab goes.
    await page.focus('#input');
    const seen: string[] = [];
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(
        () => document.activeElement?.id || document.activeElement?.getAttribute('aria-label'),
      );
      seen.push(String(at));
      if (at === 'verify') break;
    }
    assert.deepEqual(
      seen.slice(0, 4),
      ['fork.log', 'fork.omega', 'fork.second.omega', 'omega.pub'].map((name) => `Remove ${name}`),
    );
    await page.keyboard.press('Enter');
    await page.waitForSelector('#answer-title');
    await page.waitForFunction(() => document.getElementById('live')?.textContent?.startsWith('Right. '));
    await sound(page);
    // The same of an answer that is none.
    await page.getByRole('button', { name: 'Remove omega.pub' }).click();
    assert.equal(await answered(page), 'Could not check');
    assert.match(await text(page, '#live'), /^Could not check\. Nothing here is signed by anybody/);
    await sound(page);
    await page.context().close();
  }
});
