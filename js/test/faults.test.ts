/** The table of failures is that of the specification. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asFailure, Failure, kernelFaultName } from '../src/failure.js';

test('numbers, names and exit codes', () => {
  const failure = new Failure('kernel-unknown', 'x');
  assert.deepEqual([failure.number, failure.exit], [30_921, 30]);
  assert.deepEqual(
    [new Failure('head-mismatch', 'x').exit, new Failure('verdict-differs', 'x').number],
    [20, 20_401],
  );
  assert.deepEqual([new Failure('usage', 'x').exit, new Failure('internal', 'x').exit], [2, 1]);
});

test('a kernel may return its own numbers and none of a host', () => {
  assert.equal(kernelFaultName(30_105), 'frame-damaged');
  for (const number of [30_921, 20_901, 0, 10, 30_999, 2 ** 32 - 1])
    assert.equal(kernelFaultName(number), undefined);
});

test('a failure goes to another thread and comes back', () => {
  const failure = new Failure('frame-damaged', 'x', {
    log: 3,
    offset: 2n ** 63n,
    file: 'a.omega',
    hint: 'h',
  });
  const back = Failure.fromData(structuredClone(failure.toData()));
  assert.deepEqual(back.toData(), failure.toData());
  assert.equal(asFailure(new TypeError('y')).code, 'internal');
});
