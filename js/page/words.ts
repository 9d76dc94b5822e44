/** The words of the page: what codes and names of checks mean to people. Nothing is decided here. */
import { meansOf } from './advice.js';
import type { Answer, Check } from './protocol.js';

/** A clause as a sentence. */
export function sentence(words: string): string {
  if (words === '') return '';
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.');
}

/** What a signer says: the statement, and the engines that agreed where it names them. */
export function signedAs({ statement, engines = [] }: { statement: string; engines?: string[] }): string {
  return engines.length === 0
    ? `Signed as ${statement}`
    : `Signed as ${statement} under ${engines.join(', ')}`;
}

/** The large heading, by exit code. */
export function heading(exit: number): { title: string; tone: 'right' | 'wrong' | 'open' } {
  switch (exit) {
    case 0:
      return { title: 'Right', tone: 'right' };
    case 20:
      return { title: 'Wrong', tone: 'wrong' };
    case 30:
      return { title: 'Could not check', tone: 'open' };
    case 2:
      return { title: 'Something is missing', tone: 'open' };
    default:
      return { title: 'A defect of this page', tone: 'open' };
  }
}

/** What came out, in one sentence. */
export function lead({ exit, report }: Answer): string | undefined {
  if (exit !== 0) return meansOf(report);
  const logs = (report.checks ?? []).filter(({ check }) => check === 'logs');
  // Where a state was given, what stands before it in the chain is not judged; the newest always is.
  const judged = logs.some(({ status }) => status === 'passed');
  const older = judged && logs.some(({ status }) => status !== 'passed');
  const again = `the certificate says so, and judging them again here gave the same.${older ? ' Older batches of the chain were not judged again.' : ''}`;
  const not = 'No log was judged again here.';
  switch (report.verdict) {
    case 'merge':
      return judged ? `The logs agree: ${again}` : `The certificate says that the logs agree. ${not}`;
    case 'obstruction':
      return judged
        ? `The logs conflict: ${again}`
        : `The certificate says that the logs conflict, and its evidence shows it. ${not}`;
    default:
      return undefined;
  }
}

/** What an answer that is not right says of the evidence. */
export function stands(exit: number): string | undefined {
  if (exit === 20) return 'Do not rely on this evidence.';
  return exit === 30 ? 'This is no verdict: the evidence may be right or wrong.' : undefined;
}

/** What details of checks say to whoever has the command, and what they say here. */
const DETAILS: [string, string][] = [
  [
    'not asked for; --head names the newest certificate that you know of',
    'not asked for; the options take the newest certificate that you know of',
  ],
  [
    'one certificate alone: what came before it is checked with --cert-log',
    'one certificate alone: what came before it is checked where the whole chain is added',
  ],
  [
    "the chain's signing policy is not at hand; with --cert-log it is read from the chain",
    "the chain's signing policy is not at hand; where the whole chain is added, it is read from there",
  ],
  ['whoever signed is accepted (--any-signer)', 'whoever signed is accepted, as you chose'],
];

/** A check's detail, or a report's sentence, in words for this page. */
export function detail(words: string): string {
  return DETAILS.reduce((told, [from, to]) => told.replace(from, to), words);
}

/** The checks, with nobody called trusted by the reader whom only the evidence file says to trust. */
export function toReader(checks: Check[], claimedTrust: boolean): Check[] {
  if (!claimedTrust) return checks;
  const claimed = (words: string) =>
    words.replace(', whom you trust', ', whom the evidence file says to trust');
  return checks.map((check) =>
    check.check === 'trust' ? { ...check, detail: claimed(check.detail) } : check,
  );
}

/** That payloads were erased and could not be judged again, and whether they still were there when judged before. */
export function erased(checks: Check[]): { words: string; since: boolean } | undefined {
  for (const { check, status, detail } of checks) {
    const [, count, since] = / (\d+) payloads? erased( since)?/.exec(detail) ?? [];
    if (check !== 'logs' || status !== 'passed' || count === undefined) continue;
    const words = count === '1' ? '1 payload was erased' : `${count} payloads were erased`;
    return { words, since: since !== undefined };
  }
  return undefined;
}

/** The name of a check, and what it shows once it has passed. */
const CHECKS: Record<string, [string, string | undefined]> = {
  format: ['Format', undefined],
  signatures: ['Signatures', 'Nothing in what is signed was changed after it was signed.'],
  threshold: ['Number of signers', 'As many keys have signed as the signing policy demands.'],
  trust: ['Trust', 'It was signed by whom you said you trust.'],
  kernel: ['Kernel', 'The checker that judged is the one named by its hash.'],
  heads: ['Signed heads', 'Logs carry the signature of whoever presented them.'],
  writers: ['Writers', 'The conflicting events stand under their writers’ keys.'],
  evidence: ['Evidence', 'The conflict is real: the checker found it again in the evidence alone.'],
  logs: ['Logs', 'Judged again here, these very logs give the same verdict to the bit.'],
  snapshot: ['Snapshot', 'The state that the batch starts from is the one that was certified.'],
  chain: ['Chain', 'No certificate of the chain is missing, changed or out of place.'],
  freshness: ['Freshness', 'It is not older than the certificate that you know.'],
  proof: ['Proof', 'What the proof claims holds in what was certified.'],
  log: ['File of the chain', undefined],
  'co-signatures': ['Added signatures', undefined],
  inputs: ['Inputs', undefined],
  body: ['Content', undefined],
  key: ['Key', undefined],
  node: ['Writer', undefined],
};

export function checkName(check: string): string {
  return CHECKS[check]?.[0] ?? check;
}

/** What the checks that passed show, one sentence each; a check that also failed somewhere shows nothing. */
export function proves(checks: Check[], claimedTrust: boolean): string[] {
  const names = new Set(checks.map(({ check }) => check));
  const whole = [...names].filter((name) =>
    checks.every(
      ({ check, status, code }) =>
        check !== name || status === 'passed' || (status === 'unchecked' && code === null),
    ),
  );
  const passed = whole.filter((name) =>
    checks.some(({ check, status }) => check === name && status === 'passed'),
  );
  const named = passed.filter((name) => name !== 'trust' || !anybody(checks));
  const shows = (name: string) => (claimedTrust && name === 'trust' ? CLAIMED_TRUST : CHECKS[name]?.[1]);
  return named.map(shows).filter((sentence) => sentence !== undefined);
}

/** Whether whoever signed was accepted: then no signature shows who did. */
export function anybody(checks: Check[]): boolean {
  return checks.some(({ check, detail }) => check === 'trust' && detail.includes('--any-signer'));
}

/** What a passed check of trust shows where whom to trust came with the evidence. */
const CLAIMED_TRUST = 'It was signed by whom the evidence file itself says to trust.';

/** What no verdict shows, whatever was checked. */
export const NEVER_SHOWN = [
  'Whether the events are true, or complete: a log that nobody shows is noticed only where others depend on it.',
  'Who a writer is: a node number becomes a key only by your own trust policy.',
  'When something happened: there is no clock in a verdict.',
];

/** What a check came to: the word, and the class that gives its mark. */
export function status({ status, code }: Pick<Check, 'status' | 'code'>): { word: string; mark: string } {
  if (status === 'passed') return { word: 'Passed', mark: 'passed' };
  if (status === 'failed') return { word: 'Wrong', mark: 'failed' };
  if (status === 'could-not-check') return { word: 'Could not check', mark: 'open' };
  return code === null ? { word: 'Not checked', mark: 'unchecked' } : { word: 'Missing', mark: 'open' };
}

/** The rules, by their numbers, in few words and in more: README.md and schemas/predicates.md. */
const RULES: Record<number, [short: string, long: string]> = {
  1001: [
    'Times rise in a stream',
    'Lamport times rise in a writer’s stream: each event has a later one than the event before it.',
  ],
  1002: ['No event twice in a log', 'No event stands twice in one log.'],
  1003: ['Ids are in range', 'The ids of events are numbers in the range that ids have.'],
  1004: [
    'Streams have no gaps',
    'Streams have no gaps and no breaks: each event names the one right before it.',
  ],
  2001: [
    'Payloads fit their hash',
    'Payloads have the hash that their event names: nothing else was put in their place.',
  ],
  2002: [
    'Dependencies are there',
    'What an event depends on is there: in one of the logs, or accepted before.',
  ],
  2003: ['Dependencies came earlier', 'What an event depends on came earlier than the event.'],
  3001: [
    'One id, one event',
    'One id is one event, in all logs: nobody is told one thing and somebody else another.',
  ],
  3002: [
    'Equal pasts, equal claims',
    'Claims about equal pasts are equal: whoever saw the same arrives at the same.',
  ],
};

export function rule(predicate: number): string {
  return RULES[predicate]?.[1] ?? 'A rule that this page has no words for.';
}

/** A rule for a column; its name where this page has no words for it. */
export function ruleName(predicate: number, name: string): string {
  return RULES[predicate]?.[0] ?? name;
}

/** What a kind of conflict leaves open. */
export const LEAVES_OPEN: Record<string, string> = {
  gap: 'That need not be anybody’s fault: perhaps a log is missing that holds it.',
  'dependency-missing': 'That need not be anybody’s fault: perhaps a log is missing that holds it.',
};

/** Names of an event's fields. */
export const FIELDS: Record<string, string> = {
  log: 'Log',
  presented_by: 'Presented by',
  place: 'Place in the log',
  id: 'Id',
  node: 'Writer',
  stream: 'Stream',
  lamport: 'Lamport time',
  prev: 'Before it',
  deps: 'Depends on',
  claim: 'Claim',
  payload: 'Payload',
  payload_base64: 'Payload, base64',
  payload_length: 'Payload, bytes',
  payload_hash: 'Payload hash',
  observed_length: 'Found, bytes',
  observed_hash: 'Found hash',
  event_hash: 'Event hash',
};
