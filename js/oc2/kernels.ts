/** Checkers that the node has. */
import { h, hashText, size, the } from '../page/dom.js';
import type { Model } from './model.js';
import type { KernelFile } from './types.js';
import { replace, words } from './view.js';

/** The kernel panel. */
export class KernelPanel {
  readonly #model: Model;
  /** The checker that judged when the list was read. */
  #read: string | undefined;

  constructor(model: Model) {
    this.#model = model;
    model.on(['status', 'chain'], () => {
      const { kernel_hash: now } = model.status ?? {};
      if (now !== this.#read) void this.#draw(now);
    });
  }

  async #draw(now: string | undefined): Promise<void> {
    this.#read = now;
    try {
      const { kernels } = await this.#model.api.json<{ kernels: KernelFile[] }>('/api/kernels');
      const order = [...kernels].sort((a, b) => Number(b.active) - Number(a.active));
      replace(the('kernel-list'), h('ul', { class: 'kernels' }, ...order.map(row)));
    } catch (error) {
      this.#read = undefined;
      replace(the('kernel-list'), h('p', { class: 'small' }, words(error)));
    }
  }
}

/** One checker. What can be done with it goes behind the link. */
function row({ hash, bytes, active }: KernelFile): HTMLElement {
  const path = `/kernels/${hash}.wasm`;
  return h(
    'li',
    {},
    h('span', { class: active ? 'badge passed' : 'badge unchecked' }, active ? 'Judges now' : 'At hand'),
    h('span', { class: 'small' }, size(bytes)),
    hashText(hash),
    h('div', { class: 'actions' }, h('a', { href: path, download: `${hash}.wasm` }, 'Save its bytes')),
  );
}
