/** The part of the page that tampers with a file, and shows what catches it. */
import { checkList } from './chain.js';
import { h, size, the } from './dom.js';
import type { Entry, Files } from './files.js';
import type { Answer } from './protocol.js';
import { caught, flip, hex } from './tamper.js';
import { heading } from './words.js';

/** Files that can be tampered with: what was judged, and what says so. */
const ROLES = ['log', 'certificate', 'certificate-log', 'proof', 'snapshot'] as const;

export class Tampering {
  readonly #files: Files;
  readonly #run: () => Promise<Answer | undefined>;
  readonly #say: (words: string) => void;
  readonly #draw: (entry: Entry) => void;
  #flipped: Entry | undefined;
  /** The last answer about the files as they are. */
  #honest: Answer | undefined;

  constructor(
    files: Files,
    run: () => Promise<Answer | undefined>,
    say: (words: string) => void,
    draw: (entry: Entry) => void,
  ) {
    this.#files = files;
    this.#run = run;
    this.#say = say;
    this.#draw = draw;
    the('tamper-do').addEventListener('click', () => this.#tamper());
    the('tamper-undo').addEventListener('click', () => this.#undo());
    the('tamper-file').addEventListener('change', () => this.#middle());
  }

  /** There is an answer. */
  answered(answer: Answer): void {
    if (this.#flipped && this.#files.entries.includes(this.#flipped)) return;
    this.#honest = answer;
    the('tamper').hidden = answer.exit === 2 || this.#candidates().length === 0;
    this.#list();
  }

  /** Whether anything can be done now. */
  ready(idle: boolean): void {
    if (this.#flipped && !this.#files.entries.includes(this.#flipped)) this.#flipped = undefined;
    const flipped = this.#flipped !== undefined;
    the<HTMLButtonElement>('tamper-do').disabled = !idle || flipped || this.#candidates().length === 0;
    the<HTMLButtonElement>('tamper-undo').disabled = !idle || !flipped;
    the<HTMLSelectElement>('tamper-file').disabled = flipped;
    the<HTMLInputElement>('tamper-at').disabled = flipped;
    if (!flipped) this.#list();
  }

  #candidates(): Entry[] {
    return this.#files.entries.filter(
      ({ looked, file }) => file.size > 0 && (ROLES as readonly string[]).includes(looked?.role ?? ''),
    );
  }

  #list(): void {
    const select = the<HTMLSelectElement>('tamper-file');
    const chosen = select.value;
    const entries = this.#candidates();
    select.replaceChildren(
      ...entries.map(({ id, file }) =>
        h('option', { value: String(id) }, `${file.name} (${size(file.size)})`),
      ),
    );
    if (entries.some(({ id }) => String(id) === chosen)) select.value = chosen;
    else this.#middle();
  }

  #chosen(): Entry | undefined {
    const { value } = the<HTMLSelectElement>('tamper-file');
    return this.#candidates().find(({ id }) => String(id) === value);
  }

  /** Proposes the byte in the middle of the chosen file. */
  #middle(): void {
    const size = this.#chosen()?.file.size ?? 1;
    const at = the<HTMLInputElement>('tamper-at');
    at.max = String(size - 1);
    at.value = String(Math.floor(size / 2));
  }

  async #tamper(): Promise<void> {
    const entry = this.#chosen();
    const at = the<HTMLInputElement>('tamper-at');
    if (!entry || !at.reportValidity() || at.value === '') return;
    entry.flip = await flip(entry.file, at.valueAsNumber);
    this.#flipped = entry;
    this.#draw(entry);
    const answer = await this.#run();
    const { before, after } = entry.flip;
    const what = `Byte ${entry.flip.at} of ${entry.file.name} was ${hex(before)} and is ${hex(after)}. `;
    the('tamper-result').replaceChildren(answer ? this.#caught(what, answer) : h('p', {}, what));
    the('tamper-undo').focus();
  }

  #caught(what: string, answer: Answer): HTMLElement {
    const checks = this.#honest ? caught(this.#honest, answer) : [];
    const { tone } = heading(answer.exit);
    const { code, message } = answer.report;
    const refused = answer.exit !== 0 && checks.length === 0;
    const nothing = checks.length === 0 && answer.exit === (this.#honest?.exit ?? 0);
    const words = nothing
      ? 'Nothing caught it: no check that was made reads this byte, or the answer was no better before.'
      : answer.exit === 20
        ? 'Caught: wrong.'
        : 'Caught: nothing is accepted that cannot be checked.';
    this.#say(what + words);
    return h(
      'div',
      { class: `caught ${tone}` },
      h('p', {}, what, h('b', {}, words)),
      checks.length > 0 ? checkList(checks) : undefined,
      refused && !nothing
        ? h('p', {}, message ?? '', ' ', h('code', { class: 'code' }, code ?? ''))
        : undefined,
    );
  }

  async #undo(): Promise<void> {
    const entry = this.#flipped;
    if (!entry) return;
    entry.flip = undefined;
    this.#flipped = undefined;
    this.#draw(entry);
    const answer = await this.#run();
    const words = answer
      ? `Undone. The answer is again: ${heading(answer.exit).title.toLowerCase()}.`
      : 'Undone.';
    the('tamper-result').replaceChildren(h('p', {}, words));
    this.#say(words);
    the('tamper-do').focus();
  }
}
