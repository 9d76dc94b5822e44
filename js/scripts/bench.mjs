/**
 * How fast a log is verified, beside `omega verify`: `node scripts/bench.mjs [--megabytes N] [--runs N]`, or
 * `make bench-web`. Command, Node, a browser's tab with this package and the verify page take turns, on one
 * processor, with the same files.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { browserProgram, serve, startBrowser } from './chromium.mjs';
import { memoryWatch, output, processorSeconds, timed } from './processes.mjs';

/** What one event with its frame takes: 256 bytes of payload, two dependencies. */
const PAYLOAD_BYTES = 256;
const EVENT_BYTES = 408;
/** What is asked for: of the command's speed, and of a task on the page's own thread. */
const LEAST_RATIO = 0.6;
const MOST_TASK_MILLISECONDS = 100;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const omega = join(resolve(root, '..', process.env.CARGO_TARGET_DIR ?? 'target'), 'release/omega');
const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '100' },
    runs: { type: 'string', default: '7' },
    processor: { type: 'string', default: String(availableParallelism() - 1) },
  },
});
const pinned = ['taskset', '-c', values.processor];
const folder = mkdtempSync(join(tmpdir(), 'omega-bench-'));
const at = (name) => join(folder, name);
const evidence = ['--cert', at('log.cert'), '--trust', at('omega.pub'), '--input', at('log.omega')];

/** Makes, judges and certifies the log. */
async function prepare() {
  const run = (...words) => output(omega, words, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  const count = String(Math.round((Number(values.megabytes) * 1e6) / EVENT_BYTES));
  const shape = ['--payload', String(PAYLOAD_BYTES), '--deps', '2', '--nodes', '4'];
  await run('generate-events', '--output', 'log.omega', '--count', count, ...shape);
  await run('reconcile', '--input', 'log.omega', '--output', 'log.result');
  await run('keygen', '--output', 'omega.key');
  await run('certify', '--result', 'log.result', '--key', 'omega.key', '--output', 'log.cert');
}

/** The browser, all of it on the one processor, with a tab for the package and one for the page. */
async function openBrowser() {
  const starter = at('chromium.sh');
  writeFileSync(starter, `#!/bin/sh\nexec ${pinned.join(' ')} ${browserProgram()} "$@"\n`, { mode: 0o755 });
  const { url, close } = await serve([join(root, 'dist')], {
    '/': '<!doctype html><input type="file" multiple>',
  });
  const browser = await startBrowser(starter);
  const [{ id }] = (
    await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo')
  ).processInfo.filter(({ type }) => type === 'browser');
  const files = ['log.cert', 'omega.pub', 'log.omega'].map(at);
  const tab = await browser.newPage();
  await tab.goto(url);
  await tab.evaluate(async () => {
    globalThis.omega = await import('/index.js');
  });
  await tab.locator('input').setInputFiles(files);
  const page = await browser.newPage();
  await page.goto(pathToFileURL(join(root, 'dist/page/index.html')).href);
  await page.locator('#input').setInputFiles(files);
  await page.locator('#verify:enabled').waitFor();
  for (const each of [tab, page]) await each.evaluate(watchTasks);
  return {
    browser,
    pid: id,
    tab,
    page,
    async end() {
      await browser.close();
      await close();
    },
  };
}

/** In the tab: keeps the longest task of the main thread. A browser tells of those of 50 ms and more. */
function watchTasks() {
  globalThis.longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
  });
  observer.observe({ type: 'longtask' });
}

/** In the tab: verifies the chosen files with the package, with the log or without; seconds. */
async function verifyChosen(whole) {
  const [certificates, key, log] = document.querySelector('input').files;
  const logs = whole ? [log] : [];
  const begun = performance.now();
  const { outcome, text } = await globalThis.omega.verify({ certificates, logs, trust: { keys: [key] } });
  if (outcome !== 'verified') throw new Error(text);
  return (performance.now() - begun) / 1000;
}

/** On the page: presses the button; seconds up to its answer. */
async function verifyOnPage() {
  const begun = performance.now();
  const done = new Promise((resolve) => {
    const state = document.getElementById('state');
    const observer = new MutationObserver(() => {
      if (!/^Done/.test(state.textContent)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(state, { childList: true, characterData: true, subtree: true });
  });
  document.getElementById('verify').click();
  await done;
  const seconds = (performance.now() - begun) / 1000;
  const text = document.getElementById('answer').textContent;
  if (!/same verdict to the bit/.test(text)) throw new Error(text.slice(0, 500));
  return seconds;
}

/** What takes turns; each gives seconds and processor seconds. */
function contenders({ pid, tab, page }) {
  const inBrowser = async (where, what, given) => {
    const before = processorSeconds(pid);
    const seconds = await where.evaluate(what, given);
    return { seconds, processor: processorSeconds(pid) - before };
  };
  return {
    'omega verify': () => timed([...pinned, omega, 'verify', ...evidence]),
    '  without a log': () => timed([...pinned, omega, 'verify', ...evidence.slice(0, 4)]),
    'Chromium, package': () => inBrowser(tab, verifyChosen, true),
    '  without a log  ': () => inBrowser(tab, verifyChosen, false),
    'Chromium, page': () => inBrowser(page, verifyOnPage),
    'Node, omega-verify': () =>
      timed([...pinned, process.execPath, join(root, 'dist/node/cli.js'), ...evidence]),
    '  without a log ': () =>
      timed([...pinned, process.execPath, join(root, 'dist/node/cli.js'), ...evidence.slice(0, 4)]),
  };
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Takes turns. The first one fills caches, the system's of files and the command's of compiled kernels, and
 * is told on its own.
 *
 * @returns all that each contender took, by its name; and of its first turn the seconds and the bytes of memory at
 * most: a command's, and what a browser's processes grew by together.
 */
async function turns(running, pid) {
  const first = {};
  for (const [name, run] of Object.entries(running)) {
    const stop = memoryWatch(pid);
    const { seconds, memory = 0 } = await run();
    first[name] = { seconds, memory: Math.max(stop(), memory) };
  }
  const taken = Object.fromEntries(Object.keys(running).map((name) => [name, []]));
  for (let turn = 0; turn < Number(values.runs); turn++) {
    for (const [name, run] of Object.entries(running)) taken[name].push(await run());
  }
  return { taken, first };
}

/** Prints a row for each contender; the ratios of page and package, by the clock. */
function print(taken, bytes) {
  const command = taken['omega verify'];
  const ratios = (name, clock) => median(taken[name].map((run, turn) => command[turn][clock] / run[clock]));
  console.log(
    `${''.padEnd(20)}${['seconds', 'MB/s', 'speed', 'processor s', 'speed'].map((word) => word.padStart(12)).join('')}`,
  );
  for (const [name, runs] of Object.entries(taken)) {
    const seconds = median(runs.map((run) => run.seconds));
    const processor = median(runs.map((run) => run.processor));
    const whole = !name.startsWith(' ');
    const cells = [
      seconds.toFixed(3),
      whole ? (bytes / 1e6 / seconds).toFixed(0) : '',
      whole ? ratios(name, 'seconds').toFixed(2) : '',
      processor.toFixed(2),
      whole ? ratios(name, 'processor').toFixed(2) : '',
    ];
    console.log(`${name.padEnd(20)}${cells.map((cell) => cell.padStart(12)).join('')}`);
  }
  return ['Chromium, page', 'Chromium, package'].map((name) => ratios(name, 'seconds').toFixed(2));
}

async function main() {
  await prepare();
  const { size } = statSync(at('log.omega'));
  const open = await openBrowser();
  try {
    const running = contenders(open);
    const { taken, first } = await turns(running, open.pid);
    const longest = await Promise.all(
      [open.tab, open.page].map((each) => each.evaluate(() => globalThis.longest)),
    );
    console.log(
      `a log of ${(size / 1e6).toFixed(1)} MB, payloads of ${PAYLOAD_BYTES} bytes; medians of ${values.runs} turns`,
    );
    console.log(
      `processor ${values.processor} alone of ${cpus().length}, ${cpus()[0]?.model}; Chromium ${open.browser.version()}, Node ${process.versions.node}`,
    );
    const [page, tab] = print(taken, size);
    const task = Math.max(...longest);
    const asTold = (ms) => (ms === 0 ? 'less than 50 ms' : `${ms.toFixed(0)} ms`);
    console.log(`longest task of the main thread: package ${asTold(longest[0])}, page ${asTold(longest[1])}`);
    const told = (what) =>
      Object.entries(first)
        .filter(([name]) => !name.startsWith(' '))
        .map(([name, turn]) => `${name} ${what(turn)}`)
        .join('; ');
    console.log(`first turn, seconds: ${told(({ seconds }) => seconds.toFixed(2))}`);
    console.log(`memory at most, MB: ${told(({ memory }) => Math.round(memory / 1e6))}`);
    console.log(
      `wanted: speed >= ${LEAST_RATIO}, found ${page} on the page, ${tab} in the package; task < ${MOST_TASK_MILLISECONDS} ms, found ${asTold(task)}`,
    );
  } finally {
    await open.end();
  }
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
