/** The answer: large and in plain words first, everything that it stands on below. */
import { chainView, checkList, coverageTable } from './chain.js';
import { command } from './command.js';
import { conflictView } from './conflict.js';
import { copyButton, h } from './dom.js';
import type { Answer, Asked, Check, Entry, Verified } from './protocol.js';
import { checkName, heading, NEVER_SHOWN, proves, status, verdict } from './words.js';

/** What is shown beside what verifying gave. */
export interface Context {
  asked: Asked;
  /** Files that have a byte flipped in memory: the command cannot repeat that. */
  flipped: string[];
  /** Says something to whoever cannot see it. */
  say(words: string): void;
}

const CLAIMED =
  'Whom to trust came with the evidence: it is a claim of whoever made the file. Compare the keys with what the ' +
  'signers gave you, or add their keys yourself: then only those count.';

/** The whole answer. */
export function answerView({ answer, proofs, stated }: Verified, context: Context): HTMLElement {
  const { report } = answer;
  const { title, tone } = heading(answer.exit);
  const checks = report.checks ?? [];
  const entries = report.certificates ?? [];
  const byHash = new Map(stated.map((entry) => [entry.chain_hash, entry]));
  const newest = entries.at(-1);
  // The newest conflict and coverage have sections of their own; older ones stand in their links.
  const conflicting = entries.filter(({ verdict }) => verdict === 'obstruction').at(-1);
  return h(
    'div',
    {},
    h(
      'header',
      { class: `answer ${tone}` },
      h('h2', { id: 'answer-title' }, title),
      answer.exit === 0 ? h('p', { class: 'verdict' }, verdict(report)) : undefined,
      h('p', { class: 'message' }, sentence(report.message ?? '')),
      report.hint ? h('p', { class: 'hint' }, report.hint) : undefined,
      context.asked.claimedTrust ? h('p', { class: 'hint' }, CLAIMED) : undefined,
      report.code
        ? h('p', { class: 'small' }, h('code', {}, report.code), ` · ${report.number} · exit ${answer.exit}`)
        : undefined,
    ),
    meaning(answer, context.asked.claimedTrust),
    conflictSection(conflicting, byHash, checks),
    checks.length > 0 && section('Checks', tally(answer), checkList(checks)),
    report.proof || proofs.length > 0 ? proofSection(verifiedProofs(answer, proofs, context)) : undefined,
    entries.length > 0 &&
      section(
        entries.length === 1 ? 'The certificate' : `The chain, ${entries.length} certificates`,
        chainView(entries, checks, byHash, conflicting),
      ),
    coverageSection(newest, byHash),
    commandSection(context),
  );
}

function section(title: string, ...children: (Node | string | undefined | false)[]): HTMLElement {
  return h('section', {}, h('h3', {}, title), ...children);
}

/** What it proves, and what it does not. */
function meaning({ exit, report }: Answer, claimedTrust: boolean): HTMLElement {
  const shown = proves(report.checks ?? [], claimedTrust);
  const checks = report.checks ?? [];
  // What failed stands among the checks.
  const failed = checks.filter(({ status }) => status === 'failed').map(({ detail }) => detail);
  const open = [...new Set(report.not_shown ?? [])].filter((detail) => !failed.includes(detail));
  const named = open.map((words) => {
    const check = checks.find(({ detail }) => detail === words)?.check;
    return check === undefined ? sentence(words) : `${checkName(check)}: ${words}.`;
  });
  const list = (items: string[]) => h('ul', {}, ...items.map((item) => h('li', {}, item)));
  return h(
    'div',
    { class: 'pair' },
    section(
      exit === 0 ? 'What this proves' : 'What was found to hold',
      shown.length > 0 ? list(shown) : h('p', {}, 'Nothing.'),
      exit !== 0 &&
        shown.length > 0 &&
        h('p', { class: 'small' }, 'Each by itself: the evidence as a whole is not shown to be right.'),
    ),
    section(
      'What it does not prove',
      list(NEVER_SHOWN),
      named.length > 0 && h('p', { class: 'small' }, 'And not this time:'),
      named.length > 0 && list(named),
    ),
  );
}

function conflictSection(
  entry: Entry | undefined,
  stated: Map<string, Entry>,
  checks: Check[],
): HTMLElement | undefined {
  const conflict = entry && (entry.conflict ?? stated.get(entry.chain_hash)?.conflict);
  if (!entry || !conflict) return undefined;
  const ofIt = checks.filter(
    ({ check, height }) => check === 'evidence' && (height ?? entry.height) === entry.height,
  );
  const shown = ofIt.length > 0 && ofIt.every(({ status }) => status === 'passed');
  const note = 'As the certificate states it. Whether it is so was not shown here.';
  return section('The conflict', !shown && h('p', { class: 'small' }, note), conflictView(conflict, entry));
}

function coverageSection(newest: Entry | undefined, stated: Map<string, Entry>): HTMLElement | undefined {
  const coverage = newest && stated.get(newest.chain_hash)?.coverage;
  if (!coverage) return undefined;
  const says = `As the certificate at height ${newest.height} states it. “Passed” is said only of what was judged.`;
  return section('Coverage', h('p', { class: 'small' }, says), coverageTable(coverage));
}

function tally({ report }: Answer): HTMLElement {
  const counts = new Map<string, number>();
  for (const check of report.checks ?? []) {
    const { word } = status(check);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${word.toLowerCase()}`).join(', ');
  return h('p', { class: 'small' }, `${words}.`);
}

function verifiedProofs(answer: Answer, proofs: Verified['proofs'], { asked }: Context) {
  const first = asked.proofs[0];
  return first ? [{ name: first.name, answer }, ...proofs] : [];
}

function proofSection(proofs: Verified['proofs']): HTMLElement {
  return section(
    proofs.length === 1 ? 'The proof' : 'The proofs',
    ...proofs.map(({ name, answer: { report } }) =>
      h(
        'div',
        { class: 'proof' },
        h('h4', {}, name),
        ...(report.proof
          ? [
              h('p', {}, report.proof.shows),
              h('p', { class: 'small' }, `It does not show ${report.proof.does_not_show}.`),
            ]
          : [
              h(
                'p',
                {},
                sentence(
                  (report.checks ?? []).find(({ check }) => check === 'proof')?.detail ??
                    report.message ??
                    '',
                ),
              ),
            ]),
      ),
    ),
  );
}

function commandSection({ asked, flipped, say }: Context): HTMLElement {
  const words = command(asked);
  const [first, ...rest] = asked.proofs;
  return section(
    'Repeat it',
    h(
      'p',
      { class: 'small' },
      asked.claimed
        ? 'Save the files listed above into one folder. There, with an'
        : 'In the folder of these files, with the',
      ' omega command:',
    ),
    h(
      'div',
      { class: 'command' },
      h('pre', { tabindex: '0', role: 'region', 'aria-label': 'The command' }, h('code', {}, words)),
      copyButton(words, 'Copy the command', say),
    ),
    flipped.length > 0 &&
      h(
        'p',
        { class: 'small' },
        `It reads the files on disk, in which nothing was flipped: not what was just verified of ${flipped.join(', ')}.`,
      ),
    first !== undefined &&
      rest.length > 0 &&
      h(
        'p',
        { class: 'small' },
        `Once more for each further proof: ${rest.map(({ name }) => name).join(', ')}.`,
      ),
  );
}

function sentence(words: string): string {
  if (words === '') return '';
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.');
}
