/** Who signs: the policy in force, and for each of the newest certificates the signatures that it has. */
import { h, hashText, the } from '../page/dom.js';
import { coSigners } from './cert-log.js';
import type { Model } from './model.js';
import { replace, short } from './view.js';

/** Certificates that are shown. */
const MOST_SHOWN = 24;
/** Bytes of the log of certificates that is read for signatures that were added later. */
const MOST_LOG_BYTES = 16 << 20;

/** The quorum monitor. */
export class Quorum {
  readonly #model: Model;
  /** What is shown: it is made again only where that changes. */
  #shown = '';
  /** Keys that signed later, by chain hash; undefined where the chain is too long to look for them. */
  #later: Map<string, string[]> | undefined = new Map();

  constructor(model: Model) {
    this.#model = model;
    model.on(['status', 'certificates', 'chain'], () => this.#draw());
    model.on(['link'], () => model.linkState.link === 'live' && void this.#readLater());
  }

  /** A node adds no such signatures itself: they are added while it does not run, so each time it is there again. */
  async #readLater(): Promise<void> {
    try {
      const response = await this.#model.api.fetch('/api/cert.log');
      if (Number(response.headers.get('content-length')) > MOST_LOG_BYTES) {
        await response.body?.cancel();
        this.#later = undefined;
      } else this.#later = coSigners(new Uint8Array(await response.arrayBuffer()));
      this.#shown = '';
      this.#draw();
    } catch {
      // The line to the node says that it is broken; once it is there again, this is read again.
    }
  }

  #draw(): void {
    const { status, recent } = this.#model;
    if (!status) return;
    const { threshold, keys } = status.policy;
    const shown = recent.slice(-MOST_SHOWN).map(({ entry }) => entry);
    const now = `${threshold} of ${keys} ${shown.at(-1)?.chain_hash}`;
    if (now === this.#shown) return;
    this.#shown = now;
    const later = this.#later ?? new Map<string, string[]>();
    const signed = shown.map(
      ({ signers = [], chain_hash: hash }) =>
        new Set([...signers.map(({ key }) => key), ...(later.get(hash) ?? [])]),
    );
    const added = shown.filter(({ chain_hash: hash }) => later.has(hash)).length;
    // Whoever is not in the policy any more may have signed older ones.
    const others = [...new Set(signed.flatMap((all) => [...all]))].filter((key) => !keys.includes(key));
    const gathered = signed.map((all) => [...all].filter((key) => keys.includes(key)).length);
    const short_of = gathered.filter((count) => count < threshold).length;
    const newest = gathered.at(-1) ?? 0;
    replace(
      the('signers'),
      h(
        'p',
        { class: 'figure' },
        h('b', {}, newest > threshold ? String(newest) : `${newest} of ${threshold}`),
        ` signature${Math.max(newest, threshold) === 1 ? '' : 's'} on the newest certificate`,
        newest > threshold && `, ${threshold} needed`,
      ),
      h(
        'p',
        { class: 'small' },
        `${threshold} of ${keys.length} ${keys.length === 1 ? 'key' : 'keys'} must sign. `,
        short_of === 0
          ? 'Each certificate below has as many.'
          : `${short_of} of the certificates below have fewer, or were signed under another policy.`,
        added > 0 && ` Signatures were added later to ${added} of them; they count.`,
        this.#later === undefined &&
          ' Signatures that were added later are not counted: the chain is too long.',
      ),
      h(
        'div',
        {
          class: 'scroll',
          tabindex: '0',
          role: 'region',
          'aria-label': 'Signatures, certificate by certificate',
        },
        h(
          'table',
          { class: 'quorum' },
          h('caption', { class: 'hidden' }, 'Which key signed which of the newest certificates'),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              h('th', { scope: 'col' }, 'Key'),
              ...shown.map(({ height }, at) => {
                const label = (shown.length - 1 - at) % Math.max(5, height.length) === 0;
                return h('th', { scope: 'col' }, h('span', { class: label ? undefined : 'hidden' }, height));
              }),
            ),
          ),
          h('tbody', {}, ...[...keys, ...others].map((key) => this.#row(key, signed, others.includes(key)))),
        ),
      ),
      ...keys.map((key) =>
        h('p', { class: 'digest' }, `${key === status.public_key ? 'This node' : 'Key'} `, hashText(key)),
      ),
    );
    const region = the('signers').querySelector('.scroll');
    if (region) region.scrollLeft = region.scrollWidth;
  }

  #row(key: string, signed: Set<string>[], former: boolean): HTMLElement {
    return h(
      'tr',
      { class: former ? 'former' : undefined },
      h('th', { scope: 'row' }, h('code', { title: key }, short(key))),
      ...signed.map((all) =>
        h(
          'td',
          { class: all.has(key) ? 'has' : 'lacks' },
          h('i', { 'aria-hidden': 'true' }),
          h('span', { class: 'hidden' }, all.has(key) ? 'signed' : 'did not sign'),
        ),
      ),
    );
  }
}
