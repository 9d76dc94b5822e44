/** Parts of the command centre that need no page: the graph, cutting a log of certificates, pages of the chain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Api } from '../oc2/api.js';
import { coSigners, count, upTo } from '../oc2/cert-log.js';
import { Graph, MOST_EVENTS } from '../oc2/graph.js';
import { Heights, PAGE } from '../oc2/heights.js';
import { Rates } from '../oc2/rates.js';
import type { Batch, Entry, Header, Incident } from '../oc2/types.js';
import { dice } from './support/fixtures.js';

const hex = (number: number) => number.toString(16).padStart(32, '0');

function entry(height: number, verdict: string | null = 'merge'): Entry {
  const kind = height === 0 ? 'genesis' : 'verdict';
  const hash = `hash ${height}`;
  return {
    cert_type: kind,
    cert_id: hash,
    height: String(height),
    batch_id: '1',
    chain_id: '',
    chain_hash: hash,
    kernel_hash: 'k',
    verdict,
  };
}

function header(id: number, more: Partial<Header> = {}): Header {
  return {
    id: hex(id),
    event_hash: `e${id}`,
    node: 1,
    stream: 0,
    lamport: String(id),
    prev: null,
    deps: [],
    dep_count: 0,
    payload_length: '1',
    state: 'accepted',
    state_height: '1',
    ...more,
  };
}

function batch(height: number, logs: Record<string, Header[]>): Batch {
  const listed = Object.entries(logs).map(([name, first]) => ({ name, events: String(first.length), first }));
  return { height: String(height), logs: listed };
}

function conflict(
  id: number,
  kind: string,
  events: Record<string, unknown>[],
  accepted: Record<string, unknown> | null = null,
) {
  return { id, height: '2', conflict: { kind, events, accepted }, resolved: null } as unknown as Incident;
}

test('an event that several logs hold is one node; two versions of an id are two', () => {
  const graph = new Graph();
  const two = header(2, { deps: [hex(1)], prev: hex(1) });
  graph.add(entry(1), batch(1, { alice: [header(1)], bob: [header(1), two] }));
  assert.equal(graph.events.length, 2);
  assert.deepEqual([...(graph.events[0]?.logs ?? [])], ['alice', 'bob']);
  const ties = graph.links.map(({ tie }) => tie).sort();
  assert.deepEqual(ties, ['before', 'depends', 'judged', 'judged']);
  graph.add(
    entry(2, 'obstruction'),
    batch(2, { mallory: [header(2, { event_hash: 'other', state: 'quarantined' })] }),
  );
  assert.equal(graph.versions(hex(2)).length, 2);
  assert.deepEqual(
    graph.regions().map(({ log, events }) => [log, events.length]),
    [
      ['bob', 2],
      ['alice', 1],
      ['mallory', 1],
    ],
  );
  const known = { log: 'mallory', id: hex(2), event_hash: 'other' };
  graph.conflicts([conflict(7, 'other-version', [known], { id: hex(2), event_hash: 'e2' })]);
  const parts = graph.events.filter(({ incidents }) => incidents.has(7));
  assert.deepEqual(parts.map(({ hash }) => hash).sort(), ['e2', 'other']);
  assert.equal(graph.links.filter(({ tie }) => tie === 'conflict').length, 1);
  graph.conflicts([]);
  assert.equal(graph.events.length, 3);
  assert.equal(graph.links.filter(({ tie }) => tie === 'conflict').length, 0);
});

test('what a conflict lacks is shown as lacking, and goes with the conflict', () => {
  const graph = new Graph();
  const event = { log: 'eve', id: hex(5), event_hash: 'e5', deps: [hex(4)] };
  graph.conflicts([conflict(1, 'dependency-missing', [event])]);
  assert.deepEqual(
    graph.events.map(({ id, state }) => [id, state]),
    [
      [hex(5), 'quarantined'],
      [hex(4), 'absent'],
    ],
  );
  graph.conflicts([]);
  assert.equal(graph.events.length, 0);
});

test('however much comes, the graph stays small; what is in an open conflict stays', () => {
  const graph = new Graph();
  graph.add(entry(1), batch(1, { alice: [header(1)] }));
  graph.conflicts([conflict(1, 'twice', [{ log: 'alice', id: hex(1), event_hash: 'e1', deps: [] }])]);
  for (let height = 2; height < 300; height++) {
    const events = Array.from({ length: 20 }, (_, at) => header(height * 100 + at));
    graph.add(entry(height), batch(height, { bob: events }));
    assert(graph.events.length <= MOST_EVENTS);
    assert(graph.nodes.length <= MOST_EVENTS + 120);
  }
  assert(graph.events.some(({ id }) => id === hex(1)));
  assert(graph.events.some(({ id }) => id === hex(29_919)));
  assert(!graph.events.some(({ id }) => id === hex(200)));
});

/** A log of certificates with records of these kinds and lengths. */
function log(...records: [kind: 1 | 2, length: number][]): Uint8Array {
  const bytes: number[] = new Array(16).fill(0);
  for (const [kind, length] of records) {
    const content = 8 + length;
    const record = [
      content & 255,
      content >> 8,
      0,
      0,
      9,
      9,
      9,
      9,
      kind,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...new Array(length).fill(kind),
    ];
    while (record.length % 8 !== 0) record.push(0);
    bytes.push(...record);
  }
  return Uint8Array.from(bytes);
}

test('a log of certificates is cut behind a certificate and the signatures that follow it', () => {
  const whole = log([1, 5], [1, 11], [2, 130], [1, 8], [1, 1]);
  assert.equal(count(whole), 4);
  assert.deepEqual(upTo(whole, 0), log([1, 5]));
  assert.deepEqual(upTo(whole, 1), log([1, 5], [1, 11], [2, 130]));
  assert.deepEqual(upTo(whole, 3), whole);
  assert.deepEqual(upTo(whole, 9), whole);
});

test('who signed later is read from a log, by certificate; what is too short is nobody', () => {
  const two = '02'.repeat(32);
  assert.deepEqual([...coSigners(log([1, 5], [2, 130], [1, 9], [2, 130]))], [[two, [two, two]]]);
  assert.deepEqual([...coSigners(log([1, 200], [2, 129]))], []);
  assert.deepEqual([...coSigners(log([1, 5], [2, 130]).subarray(0, -8))], []);
});

test('a log that does not read is cut without a fault', () => {
  const random = dice(3);
  for (let round = 0; round < 500; round++) {
    const bytes = Uint8Array.from({ length: random(200) }, () => random(256));
    assert(upTo(bytes, random(4)).length <= bytes.length);
    assert(count(bytes) >= 0);
    assert(coSigners(bytes).size >= 0);
  }
});

/** A node with a chain, some heights of which it lacks. */
function chain(newest: number, lacks: number[] = []) {
  const asked: string[] = [];
  const json = async (path: string) => {
    asked.push(path);
    const query = new URL(path, 'http://node').searchParams;
    const from = Number(query.get('from'));
    const all = Array.from({ length: Number(query.get('limit')) }, (_, at) => from + at);
    const certificates = all
      .filter((height) => height <= newest && !lacks.includes(height))
      .map((height) => entry(height));
    return { newest: String(newest), certificates };
  };
  return { asked, api: { json } as unknown as Api };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 1));

test('the chain is read where it is looked at, each page once; what is not there is a gap', async () => {
  const { api, asked } = chain(100_000, [50_050]);
  const heights = new Heights(api, () => {});
  heights.grown(100_000);
  heights.look(50_000, 50_080);
  heights.look(50_010, 50_090);
  assert.equal(heights.at(50_000), 'loading');
  await soon();
  assert.equal(asked.length, 1);
  assert.equal((heights.at(50_000) as Entry).chain_hash, 'hash 50000');
  assert.equal(heights.at(50_050), 'missing');
  heights.look(50_000, 50_080);
  await soon();
  assert.equal(asked.length, 1);
});

test('pages that nobody looks at go', async () => {
  const { api, asked } = chain(100_000);
  const heights = new Heights(api, () => {});
  heights.grown(100_000);
  for (let page = 0; page < 60; page++) heights.look(page * PAGE, page * PAGE);
  await soon();
  assert.equal(heights.at(0), 'loading');
  heights.look(0, 0);
  await soon();
  assert.equal((heights.at(0) as Entry).height, '0');
  assert.equal(asked.length, 61);
  assert.equal((await heights.range(5, 2500)).length, 2496);
});

test('rates: what a node counts from anew is no rate', () => {
  const rates = new Rates();
  rates.counted(100, 10);
  rates.counted(150, 11);
  assert.equal(
    rates.events.last(rates.now + 1).reduce((sum, count) => sum + count, 0),
    50,
  );
  rates.counted(5, 1);
  assert.equal(
    rates.events.last(rates.now + 1).reduce((sum, count) => sum + count, 0),
    50,
  );
});
