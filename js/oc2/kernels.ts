/** Checkers that the node has: which one judges, and putting another one in its place. */
import { h, size, the } from '../page/dom.js';
import type { Leads } from './incident.js';
import { KernelRow } from './kernel-row.js';
import { KernelWork } from './kernel-work.js';
import type { Model } from './model.js';
import type { Described, Entry, KernelFile } from './types.js';
import { replace, say, short, words } from './view.js';

/** Milliseconds after which the list is read again: nobody tells that a kernel was added elsewhere. */
const READ_AGAIN = 10_000;
/** Bytes of a kernel: the node takes no more. */
const MOST_BYTES = 16 << 20;

/** The kernel panel. */
export class KernelPanel {
  readonly #model: Model;
  readonly #leads: Leads;
  readonly #work: KernelWork;
  readonly #rows = new Map<string, KernelRow>();
  readonly #file = the<HTMLInputElement>('kernel-file');
  /** The checker that judged when the list was read, and when that was. */
  #read: string | undefined;
  #at = 0;
  /** Height of the newest swap that was heard of. */
  #swap = -1;
  /** The rows that are shown, in their order. */
  #shown = '';

  constructor(model: Model, leads: Leads) {
    this.#model = model;
    this.#leads = leads;
    this.#work = new KernelWork(the('kernel-state'), () => this.#update());
    this.#file.addEventListener('change', () => void this.#add());
    model.on(['status', 'certificates', 'chain'], (changes) => this.#heard(changes.has('chain')));
  }

  #heard(otherChain: boolean): void {
    const { status } = this.#model;
    const swap = Number(this.#newestSwap()?.height ?? -1);
    const swapped = swap !== this.#swap;
    this.#swap = swap;
    // Somebody has put another one in place: the status says which.
    if (swapped) this.#model.readStatus().catch(() => {});
    const old = performance.now() - this.#at > READ_AGAIN;
    if (otherChain || old || status?.kernel_hash !== this.#read) void this.#list();
    else if (swapped) this.#update();
  }

  /** Reads the list. */
  async #list(): Promise<void> {
    this.#read = this.#model.status?.kernel_hash;
    this.#at = performance.now();
    try {
      const { kernels } = await this.#model.api.json<{ kernels: KernelFile[] }>('/api/kernels');
      this.#show(kernels);
    } catch (error) {
      this.#read = undefined;
      this.#shown = '';
      replace(the('kernel-list'), h('p', { class: 'small' }, words(error)));
    }
  }

  #show(kernels: KernelFile[]): void {
    const order = [...kernels].sort((a, b) => Number(b.active) - Number(a.active));
    for (const hash of this.#rows.keys()) {
      if (!order.some((file) => file.hash === hash)) this.#rows.delete(hash);
    }
    for (const file of order) {
      const row = this.#rows.get(file.hash) ?? this.#row(file);
      this.#rows.set(file.hash, row);
      row.active = file.active;
    }
    this.#update();
    const now = order.map(({ hash }) => hash).join();
    if (now === this.#shown) return;
    this.#shown = now;
    // Rows are moved, not made again: what was compared, and what was ticked, stays.
    const rows = order.flatMap(({ hash }) => this.#rows.get(hash)?.element ?? []);
    replace(the('kernel-list'), h('ul', { class: 'kernels' }, ...rows));
  }

  #row(file: KernelFile): KernelRow {
    return new KernelRow(file, this.#model.api, this.#work, {
      certificate: this.#leads.certificate,
      changed: async () => {
        await this.#model.readStatus().catch(() => {});
        await this.#list();
      },
    });
  }

  #update(): void {
    const before = this.#before();
    this.#file.disabled = this.#work.busy;
    for (const row of this.#rows.values()) row.update(before);
  }

  /** The kernel before the one in place; `unknown` where there may be one that this page has not heard of. */
  #before(): string | undefined {
    // A swap is bound to the kernel that it takes out of place.
    const swap = this.#newestSwap();
    if (swap) return swap.kernel_hash;
    const all = this.#model.recent[0]?.entry.height === '0';
    return all || this.#rows.size < 2 ? undefined : 'unknown';
  }

  #newestSwap(): Entry | undefined {
    const recent = [...this.#model.recent].reverse();
    return recent.find(({ entry }) => entry.cert_type === 'swap')?.entry;
  }

  /** Adds the file that was chosen. */
  async #add(): Promise<void> {
    const [file] = this.#file.files ?? [];
    // The same file can be chosen again.
    this.#file.value = '';
    if (!file) return;
    const had = [...this.#rows.keys()];
    await this.#work.run(`Adding ${file.name}: it is compiled and asked what it is`, async () => {
      if (file.size > MOST_BYTES) {
        return h('p', {}, `${file.name} has ${size(file.size)}; a kernel has ${size(MOST_BYTES)} at most.`);
      }
      const bytes = await file.arrayBuffer();
      const { hash, checker_version: rules } = await this.#model.api.operate<Described>(
        '/api/kernels',
        new Blob([bytes], { type: 'application/wasm' }),
      );
      await this.#list();
      const added = had.includes(hash) ? 'was at hand already' : 'is at hand now';
      const told = `${file.name} ${added}: kernel ${short(hash)}, version ${rules} of the rules.`;
      say(told);
      return h('p', {}, told);
    });
  }
}
