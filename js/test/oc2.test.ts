/** The command centre: each panel, on a node with a planted conflict. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answerAsk, holds, live, NodeDesk, pixels, type Sent } from './support/node.js';
import { text } from './support/page.js';

const OBSTRUCTION: [number, number, number] = [0xff, 0x00, 0x3c];
const desk = new NodeDesk();
let ask: Sent;
before(async () => {
  await desk.start();
  ({ ask } = await desk.agree());
  await desk.conflict(ask);
});
after(() => desk.close());

test('the page comes from the node, whole, and asks nobody else', async () => {
  const response = await fetch(desk.url);
  const policy = String(response.headers.get('content-security-policy'));
  assert.match(
    policy,
    /^default-src 'none'; script-src 'sha256-[^']+' 'wasm-unsafe-eval'; style-src 'sha256-/,
  );
  assert.match(policy, /connect-src 'self'.*frame-ancestors 'none'$/);
  const etag = String(response.headers.get('etag'));
  const again = await fetch(desk.url, { headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
  const { page, errors, elsewhere } = await desk.open();
  await holds(page, '#ready', 'Ready');
  await page.waitForTimeout(500);
  assert.deepEqual(elsewhere, []);
  const refused = page.evaluate(
    () =>
      new Promise((resolve) =>
        addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective)),
      ),
  );
  assert.deepEqual(errors, []);
  await page.evaluate(() => fetch('http://127.0.0.2:9/').catch(() => {}));
  assert.equal(await refused, 'connect-src');
  await page.context().close();
});

test('an open conflict comes first: the events side by side, and the timeline', async () => {
  const { page } = await desk.open();
  await holds(page, '#conflicts .rule', 'Rule 3001');
  const sides = page.locator('#conflicts .events thead th');
  assert.deepEqual(await sides.allTextContents(), ['The event', 'Accepted before']);
  assert.match(await text(page, '#conflicts .differs th'), /Event hash/);
  assert.match(String(await page.title()), /^\(1\) /);
  const first = await page.locator('main > section').first().getAttribute('id');
  assert.equal(first, 'attention');
  assert.match(await text(page, '#lately'), /Incident 1: events conflict/);
  assert.match(await text(page, '#lately'), /Height 3: the logs conflict/);
  await page.locator('#lately button', { hasText: 'Height 3' }).click();
  await holds(page, '#panel h2', 'Certificate at height 3');
  await holds(page, '#panel .rule', 'Rule 3001');
  await holds(page, '#panel', 'mallory: 1 event');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#panel', { state: 'hidden' });
  await page.context().close();
});

test('the map shows the conflict in its colour, and the list the same; both lead to the evidence', async () => {
  const { page } = await desk.open();
  await page.waitForFunction(() =>
    /^Map of 3 events in/.test(document.getElementById('map')?.getAttribute('aria-label') ?? ''),
  );
  assert.match(
    String(await page.getAttribute('#map', 'aria-label')),
    /3 events in \d certificates, 2 of them in open conflicts/,
  );
  await page.locator('#map').scrollIntoViewIfNeeded();
  await page.waitForTimeout(500);
  assert((await pixels(page, OBSTRUCTION)) > 60, 'the conflict is not to be seen');
  await page.click('#map-list-toggle');
  const list = await text(page, '#map-list li');
  assert.match(list, /✕ 0000…000001 in mallory, set aside/);
  assert.match(list, /0000…000002 in bob, accepted, depends on 0000…000001/);
  // What two logs hold is one event of both.
  assert.match(list, /✕ 0000…000001 in (alice and bob|bob and alice), accepted/);
  await page.locator('#map-list li', { hasText: 'mallory' }).first().getByRole('button').click();
  await holds(page, '#panel h2', 'Event');
  assert.match(await text(page, '#panel .held'), /alice accepted.*\n?.*mallory set aside: it conflicts/s);
  assert.match(await text(page, '#panel .differs'), /Payload ≠.*or later/);
  await page.getByRole('button', { name: 'Check the proof here' }).click();
  await holds(page, '#panel .said.right', /Right: .*was accepted/);
  await page.keyboard.press('Escape');
  // By keyboard on the canvas itself: to a node, and to what it is.
  await page.focus('#map');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await holds(page, '#panel h2', /Event|Certificate/);
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'map');
  await page.context().close();
});

test('a click on a node of the canvas opens it', async () => {
  const { page } = await desk.open();
  await page.waitForTimeout(2500);
  const map = page.locator('#map');
  await map.scrollIntoViewIfNeeded();
  const place = await map.evaluate((canvas) => {
    const map = canvas as HTMLCanvasElement;
    const { width, height } = map;
    const data = map.getContext('2d')?.getImageData(0, 0, width, height).data ?? [];
    // The middle of a filled diamond: all around it is in its colour or white.
    for (let y = 6; y < height - 6; y++) {
      for (let x = 6; x < width - 6; x++) {
        const is = (dx: number, dy: number) => {
          const at = ((y + dy) * width + x + dx) * 4;
          return data[at] === 255 && data[at + 1] === 0 && data[at + 2] === 60;
        };
        if (is(0, -5) && is(0, 5) && is(-5, 0) && is(5, 0))
          return { x: x / devicePixelRatio, y: y / devicePixelRatio };
      }
    }
    return undefined;
  });
  assert(place, 'there is no diamond on the map');
  await map.click({ position: place });
  await holds(page, '#panel h2', 'Event');
  await holds(page, '#panel .held', 'mallory');
  await page.context().close();
});

test('what moves stands still for whoever wants that, and the conflict is seen all the same', async () => {
  const { page } = await desk.open({ reducedMotion: 'reduce' });
  await page.waitForTimeout(1500);
  const picture = () => page.locator('#map').evaluate((map) => (map as HTMLCanvasElement).toDataURL());
  const one = await picture();
  await page.waitForTimeout(700);
  assert.equal(await picture(), one);
  assert((await pixels(page, OBSTRUCTION)) > 60);
  await page.context().close();
});

test('who signs, of how many; the kernel that judges; figures', async () => {
  const { page } = await desk.open();
  await holds(page, '#signers .figure', '1 of 1 signature on the newest certificate');
  const { policy, kernel_hash: kernel } = await desk.get<{ policy: { keys: string[] }; kernel_hash: string }>(
    '/api/status',
  );
  assert.match(await text(page, '#signers .hash'), new RegExp(String(policy.keys[0])));
  const certificates = await page.locator('#signers thead th').count();
  assert.equal(certificates, 1 + 4);
  assert.equal(await page.locator('#signers td.has').count(), 4);
  await holds(page, '#kernel-list .badge', 'Judges now');
  assert.equal(await text(page, '#kernel-list .hash'), kernel);
  const link = await page.getAttribute('#kernel-list a', 'href');
  const bytes = await (await fetch(`${desk.url}${link}`)).arrayBuffer();
  assert(bytes.byteLength > 100_000);
  assert.match(await text(page, '#figures'), /Height3/);
  assert.match(await text(page, '#facts'), /Ids accepted2/);
  await page.context().close();
});

test('what happens is seen as it happens', async () => {
  const { page } = await desk.open();
  const { certified } = await desk.send('carol', desk.event('Hello'), desk.event('Hello again'));
  await holds(page, '#figures', `Height${certified?.height}`);
  await holds(
    page,
    '#lately li',
    new RegExp(`^\\d\\d:\\d\\d:\\d\\d.*Height ${certified?.height}: the logs agree`),
  );
  await page.click('#map-list-toggle');
  await holds(page, '#map-list li', 'in carol, accepted');
  await holds(page, '#figures div', /Certificates\/s0\.[1-9]/);
  await page.context().close();
});

test('an incident is resolved with a token, which stays in the tab', async () => {
  const { page, errors } = await desk.open();
  // What it needs comes later: then it can be judged again.
  const late = desk.event('What it hangs on');
  const { certified } = await desk.send('dora', desk.event('It hangs on something', { deps: [late.id] }));
  assert.equal(certified?.set_aside.length, 1);
  const row = page.locator('#incident-list details').first();
  await row.locator('summary', { hasText: 'which is in no log' }).click();
  await desk.send('dora', late);
  await row.getByLabel('Why').fill('it has come');
  await row.getByRole('button', { name: 'Judge them again' }).click();
  await answerAsk(page, desk.token);
  await page.check('#incidents-all');
  await holds(page, '#incident-list summary', /Resolved .* by first, to be judged again: it has come/);
  await holds(page, '#lately', /Incident 2 resolved by first/);
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage })), '{}');
  assert.equal(await page.evaluate(() => sessionStorage.getItem('omega-token')), desk.token);
  assert.equal(await page.inputValue('#ask-token'), '');
  // The other one is left aside without another question.
  await page.locator('#conflicts').getByRole('button', { name: 'Leave them aside' }).click();
  await holds(page, '#conflicts', /Nothing\. All that was judged agrees/);
  assert.deepEqual(
    errors.filter((error) => !error.includes('401')),
    [],
  );
  await page.context().close();
});

test('a node that is started again is listened to again, from where it was left', async () => {
  const { page } = await desk.open();
  const address = desk.address;
  await desk.stop();
  await holds(page, '#link', 'Cut off');
  await page.waitForSelector('#retry', { state: 'visible' });
  // It is asked for again and again, but not without end.
  let asked = 0;
  page.on('request', () => {
    asked += 1;
  });
  await page.waitForTimeout(2000);
  assert(asked > 0 && asked < 10, `${asked} requests in two seconds`);
  await desk.serve(address);
  const { certified } = await desk.send('alice', desk.event('While nobody listened'));
  await page.click('#retry').catch(() => {});
  await live(page);
  await holds(page, '#figures', `Height${certified?.height}`);
  await holds(page, '#lately', `${certified?.height}: the logs agree`);
  const after = await desk.send('alice', desk.event('And afterwards'));
  await holds(page, '#figures', `Height${after.certified?.height}`);
  await page.context().close();
});
