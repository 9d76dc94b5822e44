/** The files that were chosen: what each is for, and what of them is handed over to be verified. */
import type { Asked, Given, Looked, Role } from './protocol.js';
import { type Flip, withFlip } from './tamper.js';

/** What a certificate that was chosen is used as. */
export type Use = 'verify' | 'head' | 'unused';

/** What an evidence file says of a part of it that is listed here. */
export interface Claim {
  /** The file that was dropped; none where the part stands in this very page. */
  from: Entry | undefined;
  role: string;
  blake3: string;
}

/** A file that was chosen, or came with an evidence file. */
export interface Entry {
  id: number;
  file: File;
  /** Undefined until it was looked at. */
  looked: Looked | undefined;
  /** What somebody said it is used as. */
  use: Use | undefined;
  /** The byte that is flipped in memory. */
  flip: Flip | undefined;
  claim: Claim | undefined;
}

/** The names of roles, for people. */
export const ROLE: Record<Role, string> = {
  log: 'Log',
  certificate: 'Certificate',
  'certificate-log': 'Chain of certificates',
  'certificate-hash': 'Hash of a chain',
  kernel: 'Kernel',
  'trust-policy': 'Trust policy',
  'public-key': 'Public key',
  proof: 'Proof',
  snapshot: 'Snapshot',
  evidence: 'Evidence file',
  unknown: 'Not used',
};

/** Roles of which one file is used: the first. */
const ONE: Role[] = ['certificate-log', 'certificate-hash', 'trust-policy', 'snapshot'];

export class Files {
  entries: Entry[] = [];
  #next = 1;

  add(file: File, claim?: Claim): Entry {
    const use = claim?.role === 'head' ? 'head' : undefined;
    const entry: Entry = { id: this.#next++, file, looked: undefined, use, flip: undefined, claim };
    this.entries.push(entry);
    return entry;
  }

  remove(entry: Entry): void {
    this.entries = this.entries.filter((other) => other !== entry);
  }

  /** A certificate is to be used so; at most one is verified, and at most one is the newest known. */
  use(entry: Entry, use: Use): void {
    for (const other of this.of('certificate')) if (this.useOf(other) === use) other.use = 'unused';
    entry.use = use;
  }

  /** What a certificate is used as: without a chain, and unless somebody said otherwise, the first is verified. */
  useOf(entry: Entry): Use {
    if (entry.use) return entry.use;
    const certificates = this.of('certificate');
    const settled = this.of('certificate-log').length > 0 || certificates.some(({ use }) => use === 'verify');
    return !settled && certificates.find(({ use }) => use === undefined) === entry ? 'verify' : 'unused';
  }

  of(role: Role): Entry[] {
    return this.entries.filter(({ looked }) => looked?.role === role);
  }

  /** What came with an evidence file. */
  from(evidence: Entry): Entry[] {
    return this.entries.filter(({ claim }) => claim?.from === evidence);
  }

  /** The files of a role that says whom to believe: what came with evidence counts only where nobody said so here. */
  #trusted(role: 'trust-policy' | 'public-key'): Entry[] {
    const own = this.entries.some(({ looked, claim }) => !claim && isTrust(looked?.role));
    return this.of(role).filter(({ claim }) => !own || !claim);
  }

  /** Why a file is not used, although its kind is. */
  note(entry: Entry): string | undefined {
    const role = entry.looked?.role;
    if ((role === 'trust-policy' || role === 'public-key') && !this.#trusted(role).includes(entry)) {
      return 'Not used: you said yourself whom you believe.';
    }
    if (role && ONE.includes(role) && this.#first(role) !== entry) {
      return 'Not used: another file of this kind was chosen before it.';
    }
    if (role === 'public-key' && this.#trusted('trust-policy').length > 0) {
      return 'Not used: the trust policy says whom you believe.';
    }
    if (role === 'certificate-hash' && this.of('certificate-log').length === 0) {
      return 'Used with its chain of certificates, which is not here.';
    }
    return entry.looked?.note;
  }

  #first(role: Role): Entry | undefined {
    return (role === 'trust-policy' ? this.#trusted(role) : this.of(role))[0];
  }

  /** What is to be verified. */
  asked(anySigner: boolean, head: string): Asked {
    const given = (entry: Entry | undefined): Given | undefined => entry && handed(entry);
    const all = (role: Role) => this.of(role).map(handed);
    const certificates = this.of('certificate');
    const [trusted] = this.#trusted('trust-policy');
    const believed = trusted ? [trusted] : this.#trusted('public-key');
    const policy = given(trusted);
    const keys = policy ? [] : believed.map(handed);
    const used = (as: Use) => given(certificates.find((entry) => this.useOf(entry) === as));
    const certificate = used('verify');
    return {
      certificate,
      certificateLog: certificate ? undefined : given(this.of('certificate-log')[0]),
      certificateHash: given(this.of('certificate-hash')[0]),
      logs: all('log'),
      kernels: all('kernel'),
      snapshot: given(this.of('snapshot')[0]),
      policy,
      keys,
      anySigner: anySigner && !policy && keys.length === 0,
      head: head !== '' ? head : used('head'),
      proofs: all('proof'),
      claimed: this.entries.some(({ claim }) => claim),
      claimedTrust: believed.some(({ claim }) => claim),
    };
  }
}

function isTrust(role: Role | undefined): boolean {
  return role === 'trust-policy' || role === 'public-key';
}

/** A file's bytes, with the flipped one in it. */
function handed({ file, flip }: Entry): Given {
  return { name: file.name, blob: flip ? withFlip(file, flip) : file };
}
