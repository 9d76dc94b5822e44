/** The quorum monitor: signatures of several keys, those included that were added to a certificate later. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { holds, NodeDesk, verifyPoint } from './support/node.js';
import { OMEGA } from './support/omega.js';
import { text } from './support/page.js';

const desk = new NodeDesk();
const keys: Record<string, string> = {};
after(() => desk.close());

/** The command, in the node's folder. */
function omega(words: string) {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  return JSON.parse(execFileSync(OMEGA, words.split(' '), { cwd: desk.folder, encoding: 'utf8', stdio }));
}

before(async () => {
  await desk.start();
  await desk.send('alice', desk.event('Hello'));
  await desk.stop();
  for (const name of ['bob', 'carol']) omega(`keygen --output ${name}.key`);
  for (const name of ['node', 'bob', 'carol']) {
    keys[name] = omega(`explain --json --input ${name}.pub`).facts.public_key;
  }
  // Two changes of who may sign; to the second somebody adds a signature once it is stored.
  omega('policy propose --add bob.pub --threshold 1 --key node.key --key bob.key');
  omega('policy sign --cert-log cert.log');
  omega('policy propose --add carol.pub --key node.key --key carol.key --output second');
  omega('policy sign --proposal second --cert-log cert.log');
  omega('policy sign --proposal second --key bob.key --cert-log cert.log');
  await desk.serve('127.0.0.1:0');
});

test('a signature that was added to the newest certificate later is given with the log, and counts', async () => {
  const { page, errors } = await desk.open();
  await holds(page, '#signers .figure', '3 signatures on the newest certificate, 1 needed');
  await holds(page, '#signers', '1 of 3 keys must sign. Each certificate below has as many.');
  await holds(page, '#signers', 'Signatures were added later to 1 of them; they count.');
  const row = (name: string) =>
    page.locator('#signers tbody tr', { has: page.locator(`code[title="${keys[name]}"]`) });
  const signed = async (name: string) =>
    (await row(name).locator('td').allTextContents()).map((words) => words === 'signed');
  assert.deepEqual(await signed('node'), [true, true, true, true]);
  assert.deepEqual(await signed('bob'), [false, false, true, true]);
  assert.deepEqual(await signed('carol'), [false, false, false, true]);
  // In the browser it is verified, too.
  assert.equal(await verifyPoint(page), 'Right');
  assert.match(await text(page, '#point-answer .checks'), /1 signatures? .*added later/);
  await desk.send('alice', desk.event('And on'));
  await holds(page, '#signers .figure', '1 of 1 signature on the newest certificate');
  assert.deepEqual(await signed('bob'), [false, false, true, true, false]);
  assert.deepEqual(errors, []);
  await page.context().close();
});
