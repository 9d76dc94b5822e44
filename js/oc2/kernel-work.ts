/** Work with kernels: one thing at a time, as the node does it; how long it takes shows, and how it ended. */
import { h } from '../page/dom.js';
import { refusal, say } from './view.js';

/** One thing at a time. */
export class KernelWork {
  readonly #place: HTMLElement;
  readonly #changed: () => void;
  #busy = false;

  /** `place` is where it shows unless another one is given; `changed` hears when something begins and ends. */
  constructor(place: HTMLElement, changed: () => void) {
    this.#place = place;
    this.#changed = changed;
  }

  /** Something is being done: nothing else can be. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Does something and shows what it gives, or why it was refused. Nobody knows how long it takes, so only the
   * seconds are told; whoever hears the page hears the beginning and the end.
   */
  async run(doing: string, task: () => Promise<Node | undefined>, place = this.#place): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#changed();
    const seconds = h('span', { 'aria-hidden': 'true' });
    const bar = h('progress', { 'aria-label': doing });
    const state = h('p', { class: 'small' }, `${doing}… `, seconds);
    place.replaceChildren(h('div', { class: 'work' }, bar, state));
    say(`${doing}.`);
    const begun = performance.now();
    const timer = setInterval(() => {
      seconds.textContent = `${Math.round((performance.now() - begun) / 1000)} s`;
    }, 1000);
    try {
      const shown = await task();
      place.replaceChildren(...(shown ? [shown] : []));
    } catch (error) {
      place.replaceChildren(refusal(error));
    } finally {
      clearInterval(timer);
      this.#busy = false;
      this.#changed();
    }
  }
}
