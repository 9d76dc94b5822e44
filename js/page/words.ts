/** The words of the page: what codes and names of checks mean to people. Nothing is decided here. */
import type { Check, Report } from './protocol.js';

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

/** What the evidence says, once it is right. */
export function verdict(report: Report): string | undefined {
  if (report.verdict === 'merge') return 'The certificate says: the logs agree.';
  if (report.verdict === 'obstruction') return 'The certificate says: the logs conflict.';
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
  body: ['Body', undefined],
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
  const shows = (name: string) => (claimedTrust && name === 'trust' ? CLAIMED_TRUST : CHECKS[name]?.[1]);
  return passed.map(shows).filter((sentence) => sentence !== undefined);
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
export function status({ status, code }: Check): { word: string; mark: string } {
  if (status === 'passed') return { word: 'Passed', mark: 'passed' };
  if (status === 'failed') return { word: 'Wrong', mark: 'failed' };
  if (status === 'could-not-check') return { word: 'Could not check', mark: 'open' };
  return code === null ? { word: 'Not checked', mark: 'unchecked' } : { word: 'Missing', mark: 'open' };
}

/** The rules, by their numbers: README.md and schemas/predicates.md. */
const RULES: Record<number, string> = {
  1001: 'Lamport times rise in a writer’s stream.',
  1002: 'No event stands twice in a log.',
  1003: 'Ids are within the range that ids have.',
  1004: 'Streams have no gaps and no breaks.',
  2001: 'Payloads have the hash that their event names.',
  2002: 'Dependencies are there.',
  2003: 'Dependencies came earlier.',
  3001: 'One id is one event, in all logs.',
  3002: 'Claims about equal pasts are equal.',
};

export function rule(predicate: number): string {
  return RULES[predicate] ?? 'A rule that this page has no words for.';
}

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
  payload_length: 'Payload, bytes',
  payload_hash: 'Payload hash',
  observed_length: 'Found, bytes',
  observed_hash: 'Found hash',
  event_hash: 'Event hash',
};
