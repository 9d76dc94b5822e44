/** The certificates, link by link, and how much of each rule was judged. */
import { conflictView } from './conflict.js';
import { h, hashText } from './dom.js';
import type { Check, Coverage, Entry } from './protocol.js';
import { checkName, detail, ruleName, signedAs, status } from './words.js';

/** Links that are shown; a chain may have a million. */
const SHOWN = 200;

/** The chain, the newest certificate first; the newest coverage and the conflict of `conflicting` stand elsewhere. */
export function chainView(
  entries: Entry[],
  checks: Check[],
  stated: Map<string, Entry>,
  conflicting: Entry | undefined,
): HTMLElement {
  const newest = entries.slice(-SHOWN).reverse();
  const more = entries.length - newest.length;
  return h(
    'div',
    {},
    h(
      'ol',
      { class: 'chain', reversed: true },
      ...newest.map((entry, at) => link(entry, checks, stated.get(entry.chain_hash), at === 0, conflicting)),
    ),
    more > 0 && h('p', { class: 'small' }, `And ${more} older ones, which are checked and not shown.`),
  );
}

function link(
  entry: Entry,
  checks: Check[],
  stated: Entry | undefined,
  isNewest: boolean,
  conflicting: Entry | undefined,
): HTMLElement {
  const own = checks.filter(({ height }) => height === entry.height);
  const shared = checks.filter(({ height }) => height === null);
  const bad = own.some(({ code }) => code !== null);
  const facts: [string, string | HTMLElement][] = [
    ...(entry.signers ?? []).map((signer): [string, HTMLElement] => [
      `${signedAs(signer)}${signer.trusted ? ', trusted' : ''}`,
      hashText(signer.key),
    ]),
    ['Chain hash', hashText(entry.chain_hash)],
    ['Kernel', hashText(entry.kernel_hash)],
    ['Chain', hashText(entry.chain_id)],
  ];
  const conflict = entry === conflicting ? undefined : (stated?.conflict ?? entry.conflict);
  return h(
    'li',
    {},
    h(
      'details',
      {},
      h(
        'summary',
        {},
        h('span', { class: 'height' }, `Height ${entry.height}`),
        h('span', {}, says(entry)),
        bad && h('span', { class: 'badge open' }, 'see its checks'),
      ),
      h(
        'div',
        { class: 'inside' },
        own.length > 0 && checkList(own, false),
        shared.length > 0 &&
          h(
            'p',
            { class: 'small' },
            `For the whole, above: ${[...new Set(shared.map(({ check }) => checkName(check)))].join(', ')}.`,
          ),
        h(
          'dl',
          { class: 'facts' },
          ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
        ),
        conflict ? conflictView(conflict, entry) : undefined,
        !isNewest && stated?.coverage ? coverageTable(stated.coverage) : undefined,
      ),
    ),
  );
}

/** What a certificate says, in few words. */
export function says({ verdict, cert_type }: Pick<Entry, 'verdict' | 'cert_type'>): string {
  if (verdict === 'merge') return 'the logs agree';
  if (verdict === 'obstruction') return 'the logs conflict';
  if (cert_type === 'genesis') return 'the chain starts';
  if (cert_type === 'policy') return 'who may sign changes';
  return cert_type === 'swap' ? 'the checker changes' : cert_type;
}

/** Checks, one below the other, with what each came to and, unless it is known, at which height. */
export function checkList(checks: Check[], withHeight = true): HTMLElement {
  return h(
    'ul',
    { class: 'checks' },
    ...checks.map((check) => {
      const { word, mark } = status(check);
      return h(
        'li',
        { class: mark },
        h('span', { class: 'badge ' + mark }, word),
        h('b', {}, checkName(check.check)),
        h(
          'span',
          { class: 'detail' },
          check.height === null || !withHeight ? '' : `Height ${check.height}: `,
          detail(check.detail),
          check.code !== null && h('code', { class: 'code' }, check.code),
        ),
      );
    }),
  );
}

/** For each rule how much was judged, skipped, known and violated. */
export function coverageTable(coverage: Coverage[]): HTMLElement {
  const counts = ['judged', 'skipped', 'known', 'violated'] as const;
  const number = (count: string) => count.replace(/\B(?=(\d{3})+$)/g, ' ');
  return h(
    'div',
    { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Coverage, rule by rule' },
    h(
      'table',
      { class: 'coverage' },
      h('caption', { class: 'hidden' }, 'How much of each rule was judged'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Rule'),
          ...counts.map((name) => h('th', { scope: 'col' }, name)),
        ),
      ),
      h(
        'tbody',
        {},
        ...coverage.map((row) =>
          h(
            'tr',
            {},
            h(
              'th',
              { scope: 'row' },
              h('span', { class: 'number' }, String(row.predicate)),
              ` ${ruleName(row.predicate, row.name)}`,
            ),
            ...counts.map((name) =>
              h('td', { class: row[name] === '0' ? 'none' : undefined }, number(row[name])),
            ),
          ),
        ),
      ),
    ),
  );
}
