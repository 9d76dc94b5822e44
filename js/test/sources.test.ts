/** Sources: the same bytes from everything that can be read, in pieces, once; and what cannot be read. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { receive, send } from '../src/remote.js';
import { type Input, open, PIECE_BYTES, readSmall, type Source } from '../src/sources.js';

const folder = mkdtempSync(join(tmpdir(), 'omega-sources-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'x.omega');
// Two whole pieces and a bit.
const bytes = Uint8Array.from({ length: 2 * PIECE_BYTES + 77 }, (_, nth) => (nth * 31 + (nth >> 11)) & 255);
writeFileSync(path, bytes);

async function read(source: Source): Promise<{ all: Buffer; longest: number; pieces: number }> {
  const pieces: Buffer[] = [];
  for await (const piece of source.pieces()) {
    assert(piece.length > 0);
    pieces.push(Buffer.from(piece));
  }
  const longest = Math.max(0, ...pieces.map((piece) => piece.length));
  return { all: Buffer.concat(pieces), longest, pieces: pieces.length };
}

function stream(sizes: number[], of: Uint8Array = bytes): ReadableStream<Uint8Array> {
  let at = 0;
  let nth = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= of.length) return controller.close();
      const size = sizes[nth++ % sizes.length] as number;
      controller.enqueue(of.slice(at, at + size));
      at += size;
    },
  });
}

const inputs: [string, () => Promise<Input>][] = [
  ['bytes', async () => bytes],
  ['a buffer', async () => bytes.slice().buffer],
  ['a view into a buffer', async () => new Uint8Array([0, ...bytes]).subarray(1)],
  ['a blob', async () => new Blob([bytes])],
  ['a file', async () => new File([bytes], 'x.omega')],
  ['a path', async () => path],
  ['a file: URL', async () => pathToFileURL(path)],
  ['an open file', async () => openFile(path)],
  ['a stream of small pieces', async () => stream([1000, 0, 65_536])],
  ['a stream of large pieces', async () => stream([PIECE_BYTES * 2 + 5])],
];

for (const [what, input] of inputs) {
  for (const there of ['here', 'in another thread']) {
    test(`${what}, read ${there}`, async () => {
      const made = await input();
      const sending = there === 'here' ? undefined : send(made);
      const source = sending ? receive(sending.sent) : await open(made);
      const { all, longest, pieces } = await read(source);
      assert(all.equals(bytes));
      assert.deepEqual([longest, pieces], [PIECE_BYTES, 3]);
      await source.close();
      sending?.stop();
      if (typeof made === 'object' && 'fd' in made)
        await (made as unknown as { close(): Promise<void> }).close();
    });
  }
}

test('what is no stream is read at any place, and again', async () => {
  for (const input of [bytes, new Blob([bytes]), path]) {
    const source = await open(input);
    assert.equal(source.size, bytes.length);
    const at = async (offset: number, length: number) =>
      Buffer.from((await source.readAt?.(offset, length)) ?? []);
    assert((await at(PIECE_BYTES - 3, 10)).equals(bytes.subarray(PIECE_BYTES - 3, PIECE_BYTES + 7)));
    assert.equal((await at(bytes.length - 4, 10)).length, 4);
    assert.equal((await at(bytes.length + 4, 10)).length, 0);
    assert((await read(source)).all.equals((await read(source)).all));
    await source.close();
  }
});

test('a stream is read once', async () => {
  const source = await open(stream([10], bytes.subarray(0, 100)));
  await read(source);
  await assert.rejects(read(source), { code: 'usage' });
  const locked = stream([10]);
  locked.getReader();
  await assert.rejects(read(await open(locked)), { code: 'usage' });
});

test('who stops early tells the stream', async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const piece of (await open(endless)).pieces()) {
    assert.equal(piece.length, PIECE_BYTES);
    break;
  }
  assert(cancelled);
});

test('streams that break, that never go on, that give no bytes', async () => {
  const broken = new ReadableStream({ pull: () => Promise.reject(new Error('the line is dead')) });
  await assert.rejects(read(await open(broken)), { code: 'file-unreadable', message: /the line is dead/ });
  const sending = send(new ReadableStream({ pull: () => Promise.reject(new Error('dead')) }));
  await assert.rejects(read(receive(sending.sent)), { code: 'file-unreadable' });
  sending.stop();
  const empty = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(0)) });
  await assert.rejects(read(await open(empty)), { code: 'file-unreadable', message: /no end/ });
  const words = new ReadableStream({ pull: (controller) => controller.enqueue('words') });
  await assert.rejects(read(await open(words as ReadableStream<Uint8Array>)), { code: 'usage' });
});

test('files that are none', async () => {
  await assert.rejects(open(join(folder, 'none')), { code: 'file-not-found' });
  await assert.rejects(open(join(path, 'below')), { code: 'file-not-found' });
  await assert.rejects(open(folder), { code: 'is-a-directory' });
  await assert.rejects(open(new URL('https://example.org/x.omega')), { code: 'usage' });
  await assert.rejects(open(null as unknown as Input), { code: 'usage' });
  await assert.rejects(open(7 as unknown as Input), { code: 'usage' });
});

test('a file that is cut while it is read', async () => {
  const cut = join(folder, 'cut.omega');
  writeFileSync(cut, bytes);
  const source = await open(cut);
  const reading = async () => {
    for await (const _ of source.pieces()) truncateSync(cut, PIECE_BYTES + 1);
  };
  await assert.rejects(reading(), { code: 'file-changed-while-read' });
  await source.close();
});

test('small files have a cap', async () => {
  const ten = await open(new Uint8Array(10));
  assert.equal((await readSmall(ten, 10, 'a test')).length, 10);
  await assert.rejects(readSmall(ten, 9, 'a test'), {
    code: 'file-unreadable',
    message: /a test may be \(9 bytes\)/,
  });
});

test('memory stays while a gigabyte goes by', async () => {
  const piece = new Uint8Array(65_536);
  let left = 16_384;
  const long = new ReadableStream<Uint8Array>({
    pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
  });
  const source = await open(long);
  let total = 0;
  let most = 0;
  const before = process.memoryUsage.rss();
  for await (const read of source.pieces()) {
    total += read.length;
    most = Math.max(most, process.memoryUsage.rss());
  }
  assert.equal(total, 2 ** 30);
  assert(most - before < 150 * 2 ** 20, `${(most - before) >> 20} MiB more`);
});
