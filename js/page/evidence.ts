/** The evidence that this very page carries, where it is an evidence file: its parts, and what to hold of it. */
import { asFailure } from '../src/failure.js';
import { damaged, decoded, encodedLength, type Manifest, manifestOf } from './bundle.js';
import { h, hashText, size, the } from './dom.js';
import type { Entry } from './files.js';

/** Milliseconds after which a file that was saved needs no address any more. */
const SAVED_MILLISECONDS = 60_000;

/** A part as it is listed: its bytes, or why they cannot be read. */
export interface Carried {
  file: File;
  role: string;
  blake3: string;
  problem: string | undefined;
}

/** What this page carries; none where it is no evidence file. Fails where its list of parts is damaged. */
export function carried(): Manifest | undefined {
  const manifest = document.getElementById('omega-manifest');
  return manifest ? manifestOf(manifest.textContent ?? '') : undefined;
}

/** The parts one after the other; each is taken out of the page, which then no longer holds its text. */
export async function* parts({ parts }: Manifest): AsyncGenerator<Carried> {
  for (const [number, part] of parts.entries()) {
    const element = document.getElementById(`omega-part-${number}`);
    const text = element?.textContent ?? '';
    element?.remove();
    const { role, blake3, name } = part;
    try {
      if (text.length !== encodedLength(part)) throw damaged(`${name} has another length than it should`);
      const slice = async (from: number, to: number) => {
        // The page stays quick meanwhile.
        await new Promise((resolve) => setTimeout(resolve));
        return text.slice(from, to);
      };
      yield { file: new File([await decoded(part, slice)], name), role, blake3, problem: undefined };
    } catch (error) {
      yield { file: new File([], name), role, blake3, problem: asFailure(error).message };
    }
  }
}

/** What is wrong with a part, held against what the evidence file says of it. */
export function differs({ claim, looked }: Entry): string | undefined {
  if (!claim || !looked) return undefined;
  if (looked.hash !== claim.blake3) return 'not the bytes that the evidence file names: another BLAKE3';
  const role = claim.role === 'head' ? 'certificate' : claim.role;
  return looked.role === role ? undefined : `not what the evidence file calls it: ${claim.role}`;
}

/** The title, and what the page says of itself before anything is known. */
export function entitle(): void {
  document.title = 'Evidence · OMEGA';
  the('title').textContent = 'Evidence, to check yourself';
  the('kernel-from').textContent = 'Kernels in this file';
  the('evidence').hidden = false;
  // Here the answer is what was come for.
  the('evidence').after(the('answer'));
}

/** What to hold of this file. */
export function about(manifest: Manifest, entries: Entry[]): void {
  const wrong = entries.filter(differs);
  const trust = entries.filter(
    ({ looked }) => looked?.role === 'public-key' || looked?.role === 'trust-policy',
  );
  const total = manifest.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const names = (list: string[]) => list.join(', ');
  const facts: [string, string | HTMLElement][] = [
    ['Made by', `${manifest.madeBy}, as it says`],
    ['Parts', `${entries.length}, with ${size(total)}; the BLAKE3 below each was computed here`],
    ...trust.flatMap(({ looked, file }) =>
      (looked?.keys ?? []).map((key): [string, HTMLElement] => [`Key in ${file.name}`, hashText(key)]),
    ),
    ...(manifest.leftOut.length > 0
      ? [['Left out by its maker', names(manifest.leftOut)] as [string, string]]
      : []),
    ...(manifest.head ? [['Newest, as it says', hashText(manifest.head)] as [string, HTMLElement]] : []),
  ];
  the('evidence-about').replaceChildren(
    h(
      'p',
      {},
      h('b', {}, 'This file cannot vouch for itself.'),
      ' Whoever made it chose what is in it, and could have changed this page as well. For an answer that does not',
      ' hang on its maker, drop this file on a verify page that you trust, or save its parts and use your own omega.',
    ),
    h(
      'p',
      {},
      ...(trust.length > 0
        ? [
            h('b', {}, 'Whom to trust came with it'),
            `: ${names(trust.map(({ file }) => file.name))}. That is a claim of its maker: compare it with what the`,
            ' signers gave you. Keys or a policy that you add come in its place.',
          ]
        : [
            h('b', {}, 'No key came with it.'),
            ' Add the public keys of the signers you believe; or, under Options, accept whoever signed.',
          ]),
    ),
    ...(wrong.length > 0
      ? [
          h(
            'p',
            {},
            h(
              'span',
              { class: 'badge failed' },
              `${wrong.length} of its parts ${wrong.length === 1 ? 'is' : 'are'} not what the file says of it`,
            ),
          ),
        ]
      : []),
    h('dl', { class: 'facts' }, ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
  );
}

/** A button that saves a file's bytes as they came. */
export function saveButton(file: File, say: (words: string) => void): HTMLButtonElement {
  const label = `Save ${file.name}`;
  const button = h('button', { type: 'button', class: 'quiet', 'aria-label': label }, 'Save');
  button.addEventListener('click', () => {
    const href = URL.createObjectURL(file);
    const link = h('a', { href, download: file.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(href), SAVED_MILLISECONDS);
    say(`${file.name} saved.`);
  });
  return button;
}
