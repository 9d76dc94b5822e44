/** The answer: large and in plain words first, everything that it stands on below. */
import { advice } from './advice.js';
import { chainView, checkList, coverageTable } from './chain.js';
import { command } from './command.js';
import { conflictView } from './conflict.js';
import { copyButton, h } from './dom.js';
import type { Answer, Asked, Check, Entry, Verified } from './protocol.js';
import {
  anybody,
  checkName,
  detail,
  erased,
  heading,
  lead,
  NEVER_SHOWN,
  proves,
  sentence,
  stands,
  status,
  toReader,
} from './words.js';

/** What is shown beside what verifying gave. */
export interface Context {
  asked: Asked;
  /** Files that have a byte flipped in memory: the command cannot repeat that. */
  flipped: string[];
  /** Says something to whoever cannot see it. */
  say(words: string): void;
}

/** Said wherever the evidence itself names whom to trust. */
const CLAIMED =
  'Whom to trust came with the evidence: it is a claim of whoever made the file. Compare the keys with what the ' +
  'signers gave you, or add their keys yourself: then only those count.';

/** Which exit code decides, where several answers are given: wrong before everything, right after it. */
const WEIGHT = [0, 30, 2, 1, 20];

/** The answer about everything that was chosen: that of a further proof, where it is worse. */
export function whole({ answer, proofs }: Verified): Answer {
  const weight = ({ exit }: Answer) => WEIGHT.indexOf(exit);
  const worst = proofs.reduce<{ name?: string; answer: Answer }>(
    (worst, proof) => (weight(proof.answer) > weight(worst.answer) ? proof : worst),
    { answer },
  );
  if (worst.name === undefined) return answer;
  const { report, exit, text } = worst.answer;
  return { report: { ...report, message: `in ${worst.name}: ${report.message}` }, exit, text };
}

/** The whole answer. */
export function answerView(verified: Verified, context: Context): HTMLElement {
  const { answer, proofs, stated } = verified;
  const { report } = answer;
  const checks = toReader(report.checks ?? [], context.asked.claimedTrust);
  const entries = report.certificates ?? [];
  const byHash = new Map(stated.map((entry) => [entry.chain_hash, entry]));
  const newest = entries.at(-1);
  // The newest conflict and coverage have sections of their own; older ones stand in their links.
  const conflicting = entries.filter(({ verdict }) => verdict === 'obstruction').at(-1);
  return h(
    'div',
    {},
    headerView(whole(verified), context.asked.claimedTrust),
    // Without a certificate nothing was verified, and there is nothing to say of it.
    answer.exit !== 2 && meaning(verified, context.asked.claimedTrust),
    conflictSection(conflicting, byHash, checks),
    checks.length > 0 && section('Checks', tally(answer), checkList(checks)),
    report.proof || proofs.length > 0 ? proofSection(verifiedProofs(answer, proofs, context)) : undefined,
    entries.length > 0 &&
      section(
        entries.length === 1 ? 'The certificate' : `The chain, ${entries.length} certificates`,
        chainView(entries, checks, byHash, conflicting),
      ),
    coverageSection(newest, byHash, checks),
    answer.exit !== 2 && commandSection(context),
  );
}

function headerView(answer: Answer, claimedTrust: boolean): HTMLElement {
  const { report, exit } = answer;
  const { title, tone } = heading(exit);
  const plain = lead(answer);
  const rely = stands(exit);
  const todo = advice(report);
  return h(
    'header',
    { class: `answer ${tone}` },
    h('h2', { id: 'answer-title' }, title),
    plain !== undefined && h('p', { class: 'verdict' }, plain),
    rely !== undefined && h('p', {}, rely),
    h('p', { class: 'message' }, sentence(detail(report.message ?? ''))),
    todo !== undefined && h('p', { class: 'hint' }, todo),
    claimedTrust && h('p', { class: 'hint' }, CLAIMED),
    report.code !== null &&
      exit !== 2 &&
      h('p', { class: 'small' }, h('code', {}, report.code), ` · ${report.number} · exit ${exit}`),
  );
}

function section(title: string, ...children: (Node | string | undefined | false)[]): HTMLElement {
  return h('section', {}, h('h3', {}, title), ...children);
}

/** What it proves, and what it does not. */
function meaning(verified: Verified, claimedTrust: boolean): HTMLElement {
  const { answer, proofs } = verified;
  const { exit } = whole(verified);
  const checks = answer.report.checks ?? [];
  const further = proofs.flatMap(({ answer }) => answer.report.checks ?? []);
  const shown = proves([...checks, ...further.filter(({ check }) => check === 'proof')], claimedTrust);
  // What failed stands among the checks.
  const failed = checks.filter(({ status }) => status === 'failed').map(({ detail }) => detail);
  const open = [...new Set(answer.report.not_shown ?? [])].filter((detail) => !failed.includes(detail));
  const named = open.map((words) => {
    const check = checks.find(({ detail }) => detail === words)?.check;
    return check === undefined ? sentence(detail(words)) : `${checkName(check)}: ${detail(words)}.`;
  });
  const gone = erased(checks);
  if (anybody(checks)) named.push('Trust: who signed. You accepted whoever did.');
  if (gone) {
    const when = gone.since ? ' since' : ' before it was judged';
    named.push(`Payloads: ${gone.words}${when}, so nobody can hold it against its hash.`);
  }
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

function coverageSection(
  newest: Entry | undefined,
  stated: Map<string, Entry>,
  checks: Check[],
): HTMLElement | undefined {
  const coverage = newest && stated.get(newest.chain_hash)?.coverage;
  if (!coverage) return undefined;
  const says = `As the certificate at height ${newest.height} states it. Judged: held against the rule. Skipped: there was nothing to hold against it. Known: accepted before. Violated: of what was judged, what breaks the rule.`;
  const gone = erased(checks);
  return section(
    'How much was judged',
    h('p', { class: 'small' }, says),
    coverageTable(coverage),
    gone?.since &&
      h(
        'p',
        { class: 'small' },
        `That was then. ${gone.words} since: of the rest alone was rule 2001 judged again here.`,
      ),
  );
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
    ...proofs.map(({ name, answer: { report } }) => {
      const check = (report.checks ?? []).find(({ check }) => check === 'proof');
      const { word, mark } = status(check ?? { status: 'could-not-check', code: report.code });
      return h(
        'div',
        { class: 'proof' },
        h('h4', {}, name, ' ', h('span', { class: `badge ${mark}` }, word)),
        h('p', {}, report.proof?.shows ?? sentence(check?.detail ?? report.message ?? '')),
        report.proof !== null &&
          report.proof !== undefined &&
          h('p', { class: 'small' }, `It does not show ${report.proof.does_not_show}.`),
      );
    }),
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
