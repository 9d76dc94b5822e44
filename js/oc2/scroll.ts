/**
 * The chain as a horizontal scroll: one mark for each certificate. Only what is in view is made, and read from
 * the node, so the chain may have any length.
 */
import { says } from '../page/chain.js';
import { h, the } from '../page/dom.js';
import type { Place } from './heights.js';
import type { Model } from './model.js';

/** Pixels of a mark. */
const STEP = 16;
/** Marks that a track has at most: browsers know no wider ones. A longer chain is shown in parts. */
const MOST_MARKS = 500_000;
/** Marks beyond the edges that are made, too. */
const BEYOND = 24;
/** Marks between two labels. */
const LABELS = 10;

/** The scroll. */
export class ChainScroll {
  readonly #model: Model;
  readonly #chosen: (height: number) => void;
  readonly #verify: () => void;
  readonly #scroller = the('scroll');
  readonly #track = the('track');
  readonly #marks = new Map<number, HTMLElement>();
  /** What verifying here came to, by height. */
  readonly #verified = new Map<number, 'verified' | 'failed'>();
  /** Height of the first mark of the track. */
  #base = 0;
  #at = 0;
  /** The newest certificate is kept in view until somebody goes elsewhere. */
  #follows = true;
  #frame = 0;

  constructor(model: Model, chosen: (height: number) => void, verify: () => void) {
    this.#model = model;
    this.#chosen = chosen;
    this.#verify = verify;
    this.#listen();
    model.on(['certificates', 'chain'], (changes) => {
      if (changes.has('chain')) this.#verified.clear();
      this.#grow();
    });
  }

  /** The height that is chosen. */
  get at(): number {
    return this.#at;
  }

  /** Chooses a height and brings it into view. */
  go(height: number): void {
    const { newest } = this.#model;
    this.#at = Math.max(0, Math.min(height, newest));
    this.#follows = this.#at === newest;
    this.#size();
    const x = (this.#at - this.#base) * STEP;
    const { scrollLeft, clientWidth } = this.#scroller;
    if (x < scrollLeft + 3 * STEP || x > scrollLeft + clientWidth - 4 * STEP) {
      this.#scroller.scrollLeft = x - clientWidth / 2;
    }
    this.#say(this.#model.heights.at(this.#at));
    this.#draw();
    this.#chosen(this.#at);
  }

  /** Notes what verifying a height came to. */
  mark(height: number, verified: boolean): void {
    this.#verified.set(height, verified ? 'verified' : 'failed');
    this.#draw();
  }

  #grow(): void {
    this.#size();
    if (this.#follows) {
      this.#at = this.#model.newest;
      this.#scroller.scrollLeft = this.#track.clientWidth;
      this.#chosen(this.#at);
    }
    this.#draw();
  }

  /** Makes the track as wide as the chain is long, or as much of it as fits around the chosen height. */
  #size(): void {
    const { newest } = this.#model;
    const inside = this.#at >= this.#base && this.#at < this.#base + MOST_MARKS;
    if (newest < MOST_MARKS) this.#base = 0;
    else if (!inside || this.#follows)
      this.#base = Math.max(0, Math.min(this.#at - MOST_MARKS / 2, newest - MOST_MARKS + 1));
    const marks = Math.min(newest - this.#base + 1, MOST_MARKS);
    this.#track.style.width = `${marks * STEP + STEP}px`;
  }

  #draw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
    });
  }

  #show(): void {
    const { heights, newest } = this.#model;
    const { scrollLeft, clientWidth } = this.#scroller;
    const first = this.#base + Math.max(0, Math.floor(scrollLeft / STEP) - BEYOND);
    const last = Math.min(newest, this.#base + Math.ceil((scrollLeft + clientWidth) / STEP) + BEYOND);
    heights.look(first, last);
    for (const [height, mark] of this.#marks) {
      if (height >= first && height <= last) continue;
      mark.remove();
      this.#marks.delete(height);
    }
    for (let height = first; height <= last; height++) {
      let mark = this.#marks.get(height);
      if (!mark) {
        mark = h(
          'span',
          { 'data-height': String(height) },
          height % LABELS === 0 ? h('b', {}, String(height)) : '',
        );
        this.#marks.set(height, mark);
        this.#track.append(mark);
      }
      mark.style.left = `${(height - this.#base) * STEP}px`;
      mark.className = this.#look(height, heights.at(height), heights.at(height - 1));
    }
    this.#say(heights.at(this.#at));
  }

  #look(height: number, place: Place, before: Place): string {
    const kind = typeof place === 'object' ? (place.verdict ?? place.cert_type) : place;
    const other =
      typeof place === 'object' && typeof before === 'object' && place.kernel_hash !== before.kernel_hash
        ? 'swapped'
        : '';
    return ['tick', kind, other, this.#verified.get(height) ?? '', height === this.#at ? 'chosen' : '']
      .join(' ')
      .trim();
  }

  #say(place: Place): void {
    const { newest } = this.#model;
    const words =
      typeof place === 'object' ? says(place) : place === 'missing' ? 'not at the node' : 'being read';
    const verified = this.#verified.get(this.#at);
    const here = verified === undefined ? '' : verified === 'verified' ? ', verified here' : ', not right';
    this.#scroller.setAttribute('aria-valuemax', String(newest));
    this.#scroller.setAttribute('aria-valuenow', String(this.#at));
    this.#scroller.setAttribute('aria-valuetext', `Height ${this.#at} of ${newest}: ${words}${here}`);
  }

  #listen(): void {
    this.#scroller.addEventListener('scroll', () => {
      const { scrollLeft, clientWidth, scrollWidth } = this.#scroller;
      if (scrollLeft + clientWidth < scrollWidth - 4 * STEP) this.#follows = false;
      this.#draw();
    });
    this.#scroller.addEventListener('click', ({ clientX }) => {
      const x = clientX - this.#track.getBoundingClientRect().left;
      this.go(this.#base + Math.floor(x / STEP));
    });
    this.#scroller.addEventListener('keydown', (event) => {
      const { newest } = this.#model;
      const to: Record<string, number> = {
        ArrowLeft: this.#at - 1,
        ArrowRight: this.#at + 1,
        ArrowDown: this.#at - 1,
        ArrowUp: this.#at + 1,
        PageDown: this.#at - 100,
        PageUp: this.#at + 100,
        Home: 0,
        End: newest,
      };
      if (event.key === 'Enter') this.#verify();
      else if (to[event.key] !== undefined) this.go(to[event.key] as number);
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => this.#draw()).observe(this.#scroller);
  }
}
