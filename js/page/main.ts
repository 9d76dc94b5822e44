/** The page: files in, an answer out. */
import { asFailure } from '../src/failure.js';
import { answerView, whole } from './answer.js';
import type { Manifest } from './bundle.js';
import { h, hashText, size, the } from './dom.js';
import { about, carried, differs, entitle, parts, saveButton } from './evidence.js';
import { type Claim, type Entry, Files, ROLE, type Use } from './files.js';
import type { Answer, Verified } from './protocol.js';
import { Tampering } from './tampering.js';
import { Verifier } from './verify.js';
import { heading, lead } from './words.js';

/** Milliseconds between two words about progress to whoever hears the page. */
const SAY_MILLISECONDS = 3000;

const part = (name: string) => document.getElementById(`part-${name}`)?.textContent ?? undefined;
const verifier = new Verifier(part('worker') ?? '', { loader: part('loader') ?? '', kernel: part('kernel') });
const files = new Files();
const rows = new Map<Entry, HTMLLIElement>();
const verifyButton = the<HTMLButtonElement>('verify');
const cancelButton = the<HTMLButtonElement>('cancel');
const bar = the<HTMLProgressElement>('progress');
const tampering = new Tampering(files, run, say, (entry) => draw(entry));
/** Files that are being looked at, and how that is given up. */
const looks = new Map<Entry, AbortController>();
/** What this page carries is being listed. */
let carrying = false;
let work: AbortController | undefined;

function say(words: string): void {
  the('live').textContent = words;
}

function state(words: string): void {
  the('state').textContent = words;
}

function add(chosen: Iterable<File>): void {
  for (const file of chosen) look(list(file));
}

/** Lists a file; `behind` is the row that it follows. */
function list(file: File, claim?: Claim, behind?: Entry): Entry {
  const entry = files.add(file, claim);
  const row = h('li', {});
  rows.set(entry, row);
  const before = behind && rows.get(behind);
  if (before) before.after(row);
  else the('list').append(row);
  draw(entry);
  return entry;
}

async function look(entry: Entry): Promise<void> {
  const { name, size: all } = entry.file;
  const looking = new AbortController();
  looks.set(entry, looking);
  ready();
  const progress = (bytes: number) => state(`Looking at ${name}: ${size(bytes)} of ${size(all)}`);
  try {
    entry.looked = await verifier.look({ name, blob: entry.file }, looking.signal, progress);
    say(`${name}: ${ROLE[entry.looked.role]}.`);
    if (entry.looked.role === 'evidence') await unpack(entry, looking.signal);
  } catch (error) {
    const { message } = asFailure(error);
    entry.looked = { role: 'unknown', note: `It cannot be read: ${message}`, hash: entry.looked?.hash ?? '' };
  }
  looks.delete(entry);
  drawAll();
  ready();
}

/** Lists what an evidence file holds. Nothing of the page in it is run or shown. */
async function unpack(evidence: Entry, signal: AbortSignal): Promise<void> {
  const file = { name: evidence.file.name, blob: evidence.file };
  const { manifest, parts: blobs } = await verifier.unpack(file, signal);
  if (!files.entries.includes(evidence)) return;
  let last = evidence;
  for (const [number, { name, role, blake3 }] of manifest.parts.entries()) {
    last = list(new File(blobs.slice(number, number + 1), name), { from: evidence, role, blake3 }, last);
    look(last);
  }
  if (evidence.looked)
    evidence.looked.note = `Its ${manifest.parts.length} parts are listed below it. Its page is not used.`;
  head(manifest.head);
}

/** The newest certificate that an evidence file names, where nobody named another. */
function head(hash: string | undefined): void {
  const field = the<HTMLInputElement>('head');
  if (hash !== undefined && field.value.trim() === '') field.value = hash;
}

/** What can be done now. */
function ready(): void {
  const looking = carrying || looks.size > 0;
  verifyButton.disabled = work !== undefined || looking;
  cancelButton.disabled = work === undefined;
  tampering.ready(work === undefined && !looking);
  if (work) return;
  const listed = files.entries.filter(({ looked }) => looked?.role !== 'evidence');
  const used = listed.filter((entry) => entry.looked && entry.looked.role !== 'unknown').length;
  const nothing = files.entries.length === 0 ? 'No files yet.' : '';
  state(looking ? 'Looking at the files…' : nothing || `${used} of ${listed.length} files can be used.`);
}

function drawAll(): void {
  for (const entry of files.entries) draw(entry);
}

/** One file's row. */
function draw(entry: Entry): void {
  const row = rows.get(entry);
  if (!row) return;
  const { file, looked, flip, claim } = entry;
  const note = files.note(entry);
  const problem = differs(entry);
  const remove = h(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': `Remove ${file.name}` },
    'Remove',
  );
  remove.addEventListener('click', () => removed(entry));
  const role = looked ? ROLE[looked.role] : 'Looking…';
  row.className = `${looked?.role === 'unknown' ? 'unused' : ''} ${claim?.from ? 'part' : ''}`.trim();
  row.replaceChildren(
    h('span', { class: 'role' }, role),
    h('span', { class: 'name' }, file.name),
    h('span', { class: 'size' }, size(file.size)),
    h('span', { class: 'does' }, claim && saveButton(file, say), remove),
    h(
      'span',
      { class: 'about' },
      looked?.role === 'certificate' && useOf(entry),
      note !== undefined && h('span', { class: 'note' }, note),
      problem !== undefined && h('span', { class: 'badge failed' }, problem),
      flip && h('span', { class: 'badge failed' }, `byte ${flip.at} flipped in memory, not on disk`),
      h(
        'span',
        { class: 'digest' },
        'BLAKE3 ',
        looked ? hashText(looked.hash) : h('span', { class: 'hash', 'aria-hidden': 'true' }, '·'.repeat(64)),
      ),
    ),
  );
}

/** How a certificate is used. */
function useOf(entry: Entry): HTMLElement {
  const uses: [Use, string][] = [
    ['verify', 'to be verified'],
    ['head', 'the newest that I know'],
    ['unused', 'not used'],
  ];
  const now = files.useOf(entry);
  const options = uses.map(([use, words]) => h('option', { value: use, selected: use === now }, words));
  const select = h('select', { 'aria-label': `Use of ${entry.file.name}` }, ...options);
  select.addEventListener('change', () => {
    files.use(entry, select.value as Use);
    drawAll();
    (rows.get(entry)?.querySelector('select') as HTMLElement | null)?.focus();
  });
  return select;
}

function removed(entry: Entry): void {
  const row = rows.get(entry);
  // Whoever goes by keyboard stays where he was.
  const gone = [entry, ...files.from(entry)];
  const last = rows.get(gone.at(-1) ?? entry);
  const next = last?.nextElementSibling ?? row?.previousElementSibling;
  const focus = next?.querySelector<HTMLElement>('.does :last-child') ?? the('input');
  for (const each of gone) {
    looks.get(each)?.abort();
    files.remove(each);
    rows.get(each)?.remove();
    rows.delete(each);
  }
  focus.focus();
  say(`${entry.file.name} removed.`);
  drawAll();
  ready();
}

/** Verifies what is there, and shows the answer; undefined where it was cancelled. */
async function run(): Promise<Answer | undefined> {
  const asked = files.asked(
    the<HTMLInputElement>('any').checked,
    the<HTMLInputElement>('head').value.trim().toLowerCase(),
  );
  const total = asked.logs.reduce((sum, { blob }) => sum + blob.size, 0);
  work = new AbortController();
  ready();
  state('Verifying…');
  say('Verifying.');
  bar.classList.add('on');
  bar.removeAttribute('value');
  const begun = performance.now();
  let said = begun;
  const progress = (bytes: number) => {
    // Each batch of a chain that is judged adds the sizes of its logs; how long judging takes nobody knows.
    const reads = bytes < total;
    state(reads ? `${size(bytes)} of ${size(total)} read` : `${size(bytes)} read; judging…`);
    if (reads) bar.value = bytes / total;
    else bar.removeAttribute('value');
    if (performance.now() - said < SAY_MILLISECONDS) return;
    said = performance.now();
    say(`${size(bytes)} read.`);
  };
  let verified: Verified | undefined;
  let end = 'Cancelled.';
  try {
    verified = await verifier.verify(asked, work.signal, progress);
    end = `Done in ${((performance.now() - begun) / 1000).toFixed(2)} s.`;
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code !== 'interrupted') {
      end = 'Done.';
      verified = { answer: failed(failure), proofs: [], stated: [] };
    }
  }
  work = undefined;
  bar.classList.remove('on');
  bar.value = 0;
  ready();
  state(end);
  if (!verified) {
    say(end);
    return undefined;
  }
  const flipped = files.entries.filter(({ flip }) => flip).map(({ file }) => file.name);
  const section = the('answer');
  section.replaceChildren(answerView(verified, { asked, flipped, say }));
  section.hidden = false;
  const answer = whole(verified);
  say(`${heading(answer.exit).title}. ${lead(answer) ?? answer.report.message ?? ''}`);
  tampering.answered(answer);
  return answer;
}

/** What stopped the work itself, as an answer. */
function failed(failure: ReturnType<typeof asFailure>): Answer {
  const { code, number, message, hint, exit, file } = failure;
  const told = file === undefined ? message : `${message} (${file})`;
  const outcome = exit === 30 ? 'could-not-check' : 'internal';
  return { report: { outcome, code, number, message: told, hint: hint ?? null }, text: told, exit };
}

function listen(): void {
  const input = the<HTMLInputElement>('input');
  input.addEventListener('change', () => {
    add([...(input.files ?? [])]);
    // The same file can be chosen again.
    input.value = '';
  });
  const drop = the('drop');
  let inside = 0;
  const over = (by: number) => {
    inside = by === 0 ? 0 : inside + by;
    drop.classList.toggle('over', inside > 0);
  };
  // The whole window takes files: one that misses the area would replace the page.
  addEventListener('dragenter', () => over(1));
  addEventListener('dragleave', () => over(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    over(0);
    add([...(event.dataTransfer?.files ?? [])]);
  });
  verifyButton.addEventListener('click', async () => {
    if (!(await run())) return;
    the('answer').scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: 'start' });
  });
  cancelButton.addEventListener('click', () => work?.abort());
}

function calm(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** Lists what this page carries, and verifies it at once. */
async function carry(manifest: Manifest): Promise<void> {
  carrying = true;
  about(manifest, []);
  for await (const { file, role, blake3, problem } of parts(manifest)) {
    const entry = list(file, { from: undefined, role, blake3 });
    await look(entry);
    if (problem !== undefined && entry.looked)
      Object.assign(entry.looked, { role: 'unknown', note: problem });
    draw(entry);
  }
  carrying = false;
  head(manifest.head);
  const own = files.entries.filter(({ claim }) => claim && !claim.from);
  about(manifest, own);
  const kernels = own
    .filter(({ looked }) => looked?.role === 'kernel')
    .flatMap(({ looked }) => looked?.hash ?? []);
  the('kernel').replaceChildren(
    ...kernels.map((hash) => h('span', { class: 'digest' }, 'BLAKE3 ', hashText(hash), ' ')),
  );
  drawAll();
  await run();
}

async function start(): Promise<void> {
  verifyButton.disabled = true;
  listen();
  try {
    const manifest = carried();
    if (manifest) entitle();
    const builtIn = await verifier.start();
    if (builtIn) {
      the('kernel').replaceChildren(
        h('span', { class: 'digest' }, 'BLAKE3 ', hashText(builtIn.hash)),
        h('span', { class: 'digest' }, ` ${size(builtIn.size)}`),
      );
    }
    if (manifest) await carry(manifest);
    else ready();
  } catch (error) {
    const { code, message } = asFailure(error);
    state(code === 'evidence-file-invalid' ? message : `This browser cannot run the verifier: ${message}`);
  }
}

void start();
