/** One certificate: what it says, who signed it, what it judged. */
import { coverageTable, says } from '../page/chain.js';
import { conflictView } from '../page/conflict.js';
import { h, hashText } from '../page/dom.js';
import { sentence, signedAs } from '../page/words.js';
import { fromBase64 } from './auditor.js';
import type { Model } from './model.js';
import { openPanel, saveLink } from './panel.js';
import type { Batch, One } from './types.js';
import { button, facts, many, number, shortId } from './view.js';

/** Events that are listed. */
const MOST_LISTED = 50;

/** Opens the panel about a certificate. */
export function openCertificate(
  height: number,
  { api }: Model,
  does: { event(id: string): void; audit(height: number): void },
): Promise<void> {
  return openPanel(`Certificate at height ${height}`, async (signal) => {
    const [one, batch] = await Promise.all([
      api.json<One>(`/api/certificates/${height}`, signal),
      api.json<Batch>(`/api/certificates/${height}/events?limit=${MOST_LISTED}`, signal),
    ]);
    const { certificate, logs, bytes } = one;
    return [
      h(
        'p',
        { class: certificate.verdict === 'obstruction' ? 'lead wrong' : 'lead' },
        sentence(says(certificate)),
      ),
      h(
        'div',
        { class: 'actions' },
        button('Verify this point here', () => does.audit(height), { class: 'primary' }),
        saveLink('Save the certificate', `certificate-${height}.cert`, fromBase64(bytes)),
      ),
      certificate.conflict
        ? h('div', { class: 'scroll', tabindex: '0' }, conflictView(certificate.conflict, certificate))
        : '',
      h('h3', {}, 'What it names'),
      h(
        'dl',
        { class: 'facts' },
        ...facts(
          ['Kind', certificate.cert_type],
          ['Batch', certificate.batch_id],
          ['Chain hash', hashText(certificate.chain_hash)],
          ['Kernel', hashText(certificate.kernel_hash)],
          ['Id', hashText(certificate.cert_id)],
          ...(certificate.signers ?? []).map((signer): [string, Node] => [
            signedAs(signer),
            hashText(signer.key),
          ]),
        ),
      ),
      ...(logs.length === 0 ? [] : judgedLogs(one, batch, does.event)),
      ...(certificate.coverage
        ? [h('h3', {}, 'How much was judged'), coverageTable(certificate.coverage)]
        : []),
    ].filter((node): node is HTMLElement => node !== '');
  });
}

function judgedLogs({ logs }: One, batch: Batch, open: (id: string) => void): HTMLElement[] {
  const events = batch.logs.flatMap(({ name, first }) => first.map((event) => ({ name, event })));
  const all = logs.reduce((sum, log) => sum + Number(log.events), 0);
  return [
    h('h3', {}, 'Logs that it judged'),
    h(
      'p',
      { class: 'small' },
      logs.map(({ name, events }) => `${name}: ${many(Number(events), 'event')}`).join(' · '),
    ),
    h(
      'ul',
      { class: 'held' },
      ...events.map(({ name, event }) =>
        h(
          'li',
          { class: event.state },
          h('b', {}, name),
          ' ',
          button(shortId(event.id), () => open(event.id), { class: 'quiet' }),
        ),
      ),
    ),
    ...(all > events.length ? [h('p', { class: 'small' }, `And ${number(all - events.length)} more.`)] : []),
  ];
}
