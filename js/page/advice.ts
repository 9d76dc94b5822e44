/**
 * What a failure means to people, and what they can do about it in this page: by its stable code. The report
 * itself speaks to whoever has the command; what it says stands below, unchanged.
 */
import type { Report } from './protocol.js';

/** What is so; then what to do, where the report's own words are for the command; then what its hashes are. */
type Plain = [means: string, todo?: string, hashes?: string];

const CHANGED = 'Get it again from whoever signed it, and ask why this one differs.';
const NEWER = 'Use the page that came with that version.';
const KERNEL =
  'Ask whoever gave you that checker. A checker that nobody answers for is no reason to believe.';
const AGAIN = 'Get it again from whoever gave it to you.';

/** The codes that verifying can end with: schemas/faults.md. */
export const PLAIN: Record<string, Plain> = {
  'head-mismatch': ['A log’s own signature does not fit the log.'],
  'cert-id-mismatch': ['The certificate was changed after it was made.', CHANGED],
  'body-mismatch': ['What the certificate states was changed after it was made.', CHANGED],
  'signature-invalid': [
    'A signature is false: what is signed was changed, or that key never signed it.',
    CHANGED,
  ],
  'chain-broken': [
    'These certificates do not follow one another: one is missing, changed or out of place.',
    'Ask for the whole chain.',
  ],
  'binding-mismatch': [
    'The certificate names other rules, signers or another checker than its chain does.',
    CHANGED,
  ],
  'state-mismatch': ['The logs were judged from another state than the one that was left before them.'],
  'signature-misplaced': ['A signature stands where it has no place.', CHANGED],
  'evidence-wrong': ['The certificate states a conflict that its own evidence does not show.'],
  'proof-wrong': ['The proof does not show what it claims about this certificate.', AGAIN],
  'verdict-differs': ['Judged again, these logs give another answer than the certificate states.'],
  equivocation: ['Two different certificates were signed for one and the same place in the chain.'],
  'not-an-omega-log': [
    'A file that was taken for a log is none.',
    'Add the log itself: a file that ends with .omega.',
  ],
  'log-version-unknown': ['A newer version wrote this log than this page can read.', NEWER],
  'log-header-damaged': ['The beginning of a log is damaged.'],
  'log-schema-unknown': ['A log holds events of a kind that this checker does not know.'],
  'frame-damaged': [
    'A log is damaged: something in it is no longer as it was written.',
    'Get the log again from its writer or from a copy.',
  ],
  'torn-tail': [
    'A log ends in the middle of an event: it was cut, or never written to its end.',
    'Get the whole log from its writer or from a copy.',
  ],
  'message-not-canonical': ['A log holds something that is not written as events are.'],
  'message-unknown-field': ['A log holds something that no event has.'],
  'field-invalid': ['A log holds an event with a value that no event may have.'],
  'limit-exceeded': ['Something is larger than the format allows.'],
  'run-malformed': ['The checker was interrupted in its work by what it does not understand.', KERNEL],
  'runs-incomplete': ['The checker was interrupted in its work by what it does not understand.', KERNEL],
  'session-misused': ['The checker does not work as checkers do.', KERNEL],
  'snapshot-malformed': ['The snapshot is damaged or cut.', AGAIN],
  'snapshot-root-differs': ['The snapshot does not hold what it says it holds.', AGAIN],
  'snapshot-version-unknown': ['A newer version saved this snapshot than this checker can read.', NEWER],
  'certificate-malformed': ['The certificate is damaged or cut.'],
  'certificate-version-unknown': ['A newer version made this certificate than this page can read.', NEWER],
  'proof-malformed': ['The proof is damaged or cut.', AGAIN],
  'certificate-log-damaged': ['The chain of certificates is damaged.', AGAIN],
  'threshold-unmet': ['Fewer keys have signed than the signing policy demands.'],
  'file-unreadable': ['A file cannot be read.', 'Choose it again.'],
  'file-changed-while-read': [
    'A file was changed while it was read.',
    'Choose it again once nothing writes to it.',
  ],
  'store-damaged': ['The chain of certificates is damaged.', AGAIN],
  'file-empty': ['A file is empty.'],
  'store-tail-unreadable': [
    'The chain of certificates ends with something that cannot be read: a newer certificate may be missing.',
    'Ask for the chain again, or name the newest certificate that you know: add it, or see the options.',
  ],
  'key-invalid': [
    'A key cannot be read.',
    'Add the public key as it was published: a file that ends with .pub, or a line that starts with ssh-ed25519.',
  ],
  'trust-policy-invalid': ['The trust policy cannot be read.', 'Ask whoever wrote it to correct that line.'],
  'signer-untrusted': [
    'Nothing here is signed by anybody whom you said you trust.',
    'Add the signer’s public key or a trust policy, and get it from somewhere else than the certificate. To go on without, accept whoever signed, in the options.',
    'Signed by',
  ],
  'kernel-unknown': [
    'The checker that judged is not the one in this page, or is one that you do not accept.',
    'Add the file of that very checker: any other is refused before anything of it runs.',
    'Its BLAKE3 is',
  ],
  'kernel-invalid': ['The checker that the certificate names cannot be run: it is none.', KERNEL],
  'kernel-trapped': ['The checker broke down while it judged.', KERNEL],
  'kernel-memory-limit': ['The checker wanted more memory than it may have, and was stopped.', KERNEL],
  'kernel-deadline': ['The checker did not come to an end, and was stopped.', KERNEL],
  'kernel-output-invalid': ['The checker gave an answer that means nothing.', KERNEL],
  'log-missing': [
    'A log that was judged is not here, or its end is missing.',
    'Add the logs: choose them, or drop them here.',
  ],
  'log-grown': ['A log holds more than was judged then, and where that ended can no longer be told.'],
  'snapshot-missing': [
    'These logs go on from earlier ones, and what was accepted before is not here.',
    'Add the snapshot that was saved before them; or the whole chain of certificates with the logs of all its batches.',
  ],
  'certificate-missing': [
    'The certificate in question is not here.',
    'Add the chain of certificates that holds it.',
  ],
  'inputs-not-judged': [
    'The logs that you added are not what this certificate is about.',
    'Add the logs that the certificate names, or none.',
  ],
  usage: ['There is no certificate here to verify.'],
  internal: ['This page failed, and said nothing about the evidence.', 'Reload it, and try once more.'],
};

/** Words that only whoever has the command can follow. */
const FOR_COMMAND = /--[a-z]|`(omega|b3sum|check|import) /;

/** What a failure means, in one sentence; undefined where the code says nothing more than its message. */
export function meansOf({ code }: Report): string | undefined {
  return code === null ? undefined : PLAIN[code]?.[0];
}

/** What to do about it. */
export function advice({ code, hint }: Report): string | undefined {
  if (hint && !FOR_COMMAND.test(hint)) return hint;
  const [, todo, named] = PLAIN[code ?? ''] ?? [];
  const hashes = hint?.match(/\b[0-9a-f]{64}\b/g);
  return named && hashes ? `${named} ${hashes.join(', ')}. ${todo}` : todo;
}
