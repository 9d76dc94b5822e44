/** The audit panel: a point of the chain, verified in this browser by the checker that it names. */
import { checkList, says } from '../page/chain.js';
import { h, hashText, the } from '../page/dom.js';
import type { Answer, Check } from '../page/protocol.js';
import { detail, heading, lead, sentence, stands } from '../page/words.js';
import { asFailure } from '../src/failure.js';
import type { Auditor } from './auditor.js';
import type { Model } from './model.js';
import { ChainScroll } from './scroll.js';
import { facts, replace, say, words } from './view.js';

const KEY = 'omega-key';

/** The audit panel. */
export class Audit {
  readonly #model: Model;
  readonly #auditor: Auditor;
  readonly #scroll: ChainScroll;
  readonly #key = the<HTMLInputElement>('key');
  #work: AbortController | undefined;
  /** What the point says: it is made again only where that changes. */
  #shown = '';

  constructor(model: Model, auditor: Auditor, open: (height: number) => void) {
    this.#model = model;
    this.#auditor = auditor;
    this.#scroll = new ChainScroll(
      model,
      () => this.#point(),
      () => void this.#verify(),
    );
    this.#key.value = sessionStorage.getItem(KEY) ?? '';
    this.#key.addEventListener('change', () => sessionStorage.setItem(KEY, this.#key.value.trim()));
    the('point-verify').addEventListener('click', () => void this.#verify());
    the('point-cancel').addEventListener('click', () => this.#work?.abort());
    the('point-open').addEventListener('click', () => open(this.#scroll.at));
    the('go-first').addEventListener('click', () => this.go(0));
    the('go-newest').addEventListener('click', () => this.go(model.newest));
    the('go-conflict-before').addEventListener('click', () => this.#conflict(-1));
    the('go-conflict-after').addEventListener('click', () => this.#conflict(1));
    const field = the<HTMLInputElement>('go-height');
    field.addEventListener('change', () => field.value !== '' && this.go(Number(field.value)));
    model.on(['certificates', 'chain'], () => this.#point());
  }

  /** Goes to a height, and into view. */
  go(height: number): void {
    this.#scroll.go(height);
  }

  /** Goes to a height and verifies it. */
  verify(height: number): void {
    this.go(height);
    the('audit').scrollIntoView({ block: 'start' });
    the('scroll').focus({ preventScroll: true });
    void this.#verify();
  }

  /** Goes to the nearest incident's height on one side. */
  #conflict(side: 1 | -1): void {
    const heights = [...this.#model.incidents.values()].flatMap(({ conflict, height }) =>
      conflict && height ? [Number(height)] : [],
    );
    const beyond = heights.filter((height) => (height - this.#scroll.at) * side > 0);
    if (beyond.length === 0) return say('There is no further conflict on that side.');
    this.go(side > 0 ? Math.min(...beyond) : Math.max(...beyond));
  }

  #point(): void {
    const height = this.#scroll.at;
    const place = this.#model.heights.at(height);
    const now = typeof place === 'object' ? place.chain_hash : `${place} ${height}`;
    if (now === this.#shown) return;
    this.#shown = now;
    // Another point: what was said of the one before does not stand beside it.
    if (!this.#work) {
      the('point-state').textContent = '';
      the('point-answer').replaceChildren();
    }
    const field = the<HTMLInputElement>('go-height');
    if (document.activeElement !== field) field.value = String(height);
    if (typeof place !== 'object') {
      const gap = 'The node has no certificate at this height: a gap.';
      return replace(the('point'), h('p', {}, place === 'missing' ? gap : `Reading height ${height}…`));
    }
    replace(
      the('point'),
      h('p', { class: 'lead' }, h('b', {}, `Height ${height}`), ` · ${says(place)}`),
      h(
        'dl',
        { class: 'facts' },
        ...facts(['Chain hash', hashText(place.chain_hash)], ['Kernel', hashText(place.kernel_hash)]),
      ),
    );
  }

  async #verify(): Promise<void> {
    if (this.#work) return;
    const height = this.#scroll.at;
    const work = new AbortController();
    this.#work = work;
    const state = the('point-state');
    const tell = (words: string) => {
      state.textContent = `Height ${height}: ${words}`;
    };
    the('point-answer').replaceChildren();
    this.#ready();
    const begun = performance.now();
    try {
      const key = keyIn(this.#key.value);
      const answer = await this.#auditor.point(height, { key, signal: work.signal, tell });
      tell(`done in ${((performance.now() - begun) / 1000).toFixed(1)} s.`);
      this.#scroll.mark(height, answer.exit === 0);
      const place = this.#model.heights.at(height);
      const judged = typeof place !== 'object' || place.verdict !== null;
      replace(the('point-answer'), answerView(answer, { height, judged, trusts: key !== undefined }));
      say(`Height ${height}: ${heading(answer.exit).title}.`);
    } catch (error) {
      const failure = asFailure(error);
      const cancelled = work.signal.aborted;
      tell(cancelled ? 'cancelled.' : 'could not be checked.');
      // The node itself may be at fault; or what was fetched from it.
      const why = error instanceof Error && failure.code === 'internal' ? words(error) : words(failure);
      if (!cancelled) {
        this.#scroll.mark(height, false);
        replace(
          the('point-answer'),
          h('div', { class: 'said open' }, h('h3', {}, 'Could not check'), h('p', {}, why)),
        );
      }
    }
    this.#work = undefined;
    this.#ready();
  }

  #ready(): void {
    const works = this.#work !== undefined;
    the<HTMLButtonElement>('point-verify').disabled = works;
    the('point-cancel').hidden = !works;
  }
}

/** A key as it was pasted, whose lines a field joins; undefined where there is none. */
function keyIn(pasted: string): string | undefined {
  const pem = /(-----BEGIN [A-Z ]+-----)\s*(.*?)\s*(-----END [A-Z ]+-----)/.exec(pasted);
  return pem ? `${pem[1]}\n${pem[2]}\n${pem[3]}\n` : pasted.trim() || undefined;
}

/** What was verified. */
interface Point {
  height: number;
  /** It is about a batch. */
  judged: boolean;
  /** Somebody said whom they trust. */
  trusts: boolean;
}

/** What came out: in words first, then check by check. */
function answerView(answer: Answer, { height, judged, trusts }: Point): HTMLElement {
  const { exit, report } = answer;
  const { title, tone } = heading(exit);
  const plain = lead(answer);
  const rely = stands(exit);
  const checks = (report.checks ?? []).filter((check) => isAbout(check, height));
  const message = exit === 0 ? undefined : report.message;
  return h(
    'div',
    { class: `said ${tone}` },
    h('h3', {}, title),
    plain !== undefined && h('p', {}, plain),
    rely !== undefined && h('p', {}, rely),
    message !== undefined && message !== null && h('p', { class: 'small' }, sentence(detail(message))),
    exit === 0 &&
      !trusts &&
      h('p', { class: 'small' }, 'Whoever signed was accepted, because no key was given.'),
    checkList(checks),
    h(
      'p',
      { class: 'small' },
      judged
        ? 'Checked in this browser by the checker that the certificate names: the chain from its first certificate on, and this batch from the state before it, to which the batches since the last snapshot led.'
        : 'Checked in this browser: the chain from its first certificate on. This certificate is about no batch.',
    ),
  );
}

/** Checks of the point and of the chain as a whole; of what came before, those that did not pass. */
function isAbout({ height, status, code }: Check, point: number): boolean {
  return (
    height === null ||
    height === String(point) ||
    status === 'failed' ||
    (status !== 'passed' && code !== null)
  );
}
