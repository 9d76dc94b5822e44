/** One checker, and what can be done with it: compare it, put it in place, take it back. */
import { h, hashText, size } from '../page/dom.js';
import { type Api, Refused } from './api.js';
import { differencesView, sameView } from './differences.js';
import type { KernelWork } from './kernel-work.js';
import { sure } from './sure.js';
import type { Diff, KernelFile, Swapped } from './types.js';
import { button, many, number, say, short } from './view.js';

/** What a row leads to. */
export interface RowLeads {
  certificate(height: number): void;
  /** Another kernel is in place, or may be. */
  changed(): Promise<void>;
}

const BLOCKS =
  'Past verdicts that would be others block it; they are then listed, to be accepted one by one.';

/** One checker. */
export class KernelRow {
  readonly element = h('li', {});
  /** It judges now. */
  active = false;
  readonly #hash: string;
  readonly #api: Api;
  readonly #work: KernelWork;
  readonly #leads: RowLeads;
  /** Heights of past verdicts that somebody has accepted here. */
  readonly #accepted = new Set<string>();
  readonly #badge = h('span', {});
  readonly #outcome = h('div', { class: 'outcome' });
  readonly #compare: HTMLButtonElement;
  readonly #swap: HTMLButtonElement;
  readonly #back: HTMLButtonElement;
  /** The kernel before the one in place. */
  #before: string | undefined;

  constructor({ hash, bytes }: KernelFile, api: Api, work: KernelWork, leads: RowLeads) {
    this.#hash = hash;
    this.#api = api;
    this.#work = work;
    this.#leads = leads;
    this.#compare = this.#button('Compare', () => void this.#compared());
    this.#swap = this.#button('Put in place', () => void this.#asked());
    this.#back = this.#button('Roll back', () => void this.#takenBack());
    this.element.append(
      this.#badge,
      h('span', { class: 'small' }, size(bytes)),
      hashText(hash),
      h(
        'div',
        { class: 'actions' },
        this.#compare,
        this.#swap,
        this.#back,
        h('a', { href: `/kernels/${hash}.wasm`, download: `${hash}.wasm` }, 'Save its bytes'),
      ),
      this.#outcome,
    );
  }

  /** Something has changed: which one judges, which one judged before, whether something is being done. */
  update(before: string | undefined): void {
    this.#before = before;
    this.#badge.className = this.active ? 'badge passed' : 'badge unchecked';
    this.#badge.textContent = this.active
      ? 'Judges now'
      : before === this.#hash
        ? 'Judged before'
        : 'At hand';
    this.#compare.hidden = this.active;
    this.#swap.hidden = this.active;
    this.#back.hidden = !this.active || before === undefined;
    for (const each of this.element.querySelectorAll<HTMLButtonElement>('.does')) {
      each.disabled = this.#work.busy;
    }
  }

  #button(name: string, does: () => void): HTMLButtonElement {
    const made = button(name, does, { class: 'does', key: `${name} ${this.#hash}` });
    made.setAttribute('aria-label', `${name}: kernel ${short(this.#hash)}`);
    return made;
  }

  #compared(): Promise<void> {
    return this.#work.run('Judging the whole archive again with it', () => this.#diff(), this.#outcome);
  }

  /** What it would have said; differences are listed, to be accepted. */
  async #diff(blocked = false): Promise<Node> {
    const diff = await this.#api.operate<Diff>(`/api/kernels/${this.#hash}/diff`, {});
    if (diff.difference_count === 0) {
      say('Every past verdict would be the same.');
      return sameView(diff);
    }
    say(`${number(diff.difference_count)} past verdicts would be others.`);
    return differencesView(diff, this.#accepted, blocked, {
      certificate: this.#leads.certificate,
      accept: (heights) => void this.#accept(heights),
    });
  }

  async #asked(): Promise<void> {
    const what = `It judges the whole archive again, then what comes beside the kernel in place, and takes over between two batches. The chain gets a certificate that says so. ${BLOCKS}`;
    if (await sure(`Put kernel ${short(this.#hash)} in place?`, what, 'Put in place')) await this.#put([]);
  }

  async #accept(heights: string[]): Promise<void> {
    const which = `at height${heights.length === 1 ? '' : 's'} ${heights.join(', ')}`;
    const what = `It would have judged ${many(heights.length, 'past verdict')} otherwise: ${which}. They stand all the same; the certificate of the change lists them.`;
    const title = `Put kernel ${short(this.#hash)} in place all the same?`;
    if (await sure(title, what, 'Accept them and put it in place')) await this.#put(heights);
  }

  #put(accept: string[]): Promise<void> {
    const doing = 'Judging the archive again, then beside the kernel in place';
    return this.#work.run(doing, () => this.#swapped(accept), this.#outcome);
  }

  async #swapped(accept: string[]): Promise<Node> {
    try {
      const path = `/api/kernels/${this.#hash}/swap`;
      return await this.#done(await this.#api.operate<Swapped>(path, { accept }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Which they are, the diff says.
      if (error.code === 'kernel-differs') return this.#diff(true);
      throw unsettled(error);
    }
  }

  async #takenBack(): Promise<void> {
    const before = this.#before ?? 'unknown';
    const which = before === 'unknown' ? 'The kernel before this one' : `Kernel ${short(before)}`;
    const what = `${which} judges again. For 32 verdicts after a change it is kept ready, and takes over at once; later it judges the whole archive again first, as any other.`;
    if (!(await sure('Roll back?', what, 'Roll back'))) return;
    const doing = 'Putting the kernel before back';
    const task = async () => {
      try {
        return await this.#done(await this.#api.operate<Swapped>('/api/kernels/rollback', {}));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        throw error.code === 'kernel-differs' ? listed(error) : unsettled(error);
      }
    };
    await this.#work.run(doing, task, this.#outcome);
  }

  async #done({
    height,
    new_kernel: kernel,
    replayed,
    differences,
    pause_us: pause,
  }: Swapped): Promise<Node> {
    this.#accepted.clear();
    await this.#leads.changed();
    const told = `Kernel ${short(kernel)} judges since height ${height}.`;
    say(told);
    const others = differences === 0 ? 'none would be another' : `${number(differences)} would be others`;
    const judged = `${many(Number(replayed), 'past verdict')} judged again: ${others}.`;
    return h(
      'p',
      { class: 'said right' },
      h('b', {}, told),
      ` ${judged} Between two batches it took ${(pause / 1000).toFixed(1)} ms. `,
      button('See its certificate', () => this.#leads.certificate(Number(height)), { class: 'quiet' }),
    );
  }
}

/** Where no answer came, nobody knows whether it was done. */
function unsettled({ status, code, message, hint }: Refused): Refused {
  const shows = 'Whether the kernel was put in place shows when the node is there again.';
  return new Refused(status, code, message, status === 0 ? shows : hint);
}

/** Where the kernel before would judge otherwise, its own row is where that is accepted. */
function listed({ status, code, message }: Refused): Refused {
  const hint = 'Nothing was changed. Put that kernel in place from its own row: there each can be accepted.';
  return new Refused(status, code, message, hint);
}
