#!/usr/bin/env node
/** `omega verify`, run by Node: the same flags, the same JSON on stdout, the same lines and exit codes. */
import { existsSync, readFileSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { Failure } from './failure.js';
import { type Evidence, type Given, refuse, type Trust, type Verification, verify } from './verify.js';

const HELP = `Is the evidence right, and how far could that be checked?

Usage: omega-verify [OPTIONS] <--cert <FILE>|--cert-log <FILE>>

      --cert <FILE>       A certificate
      --cert-log <FILE>   A log of certificates: the whole chain is followed
      --input <LOG>       A log that was judged; repeat it for each; - is standard
                          input
      --snapshot <FILE>   State that the batch, or the first of the batches to
                          judge, starts from
      --policy <FILE>     A trust policy (TOML): signers, chains, kernels, writers
      --trust <KEY>       A public key to trust: hex, OpenSSH line, or a file;
                          repeat it for each
      --any-signer        Accept whoever signed: then a signature proves no identity
      --head <HASH|FILE>  The newest certificate you know: its chain hash, or its
                          file
      --kernel <FILE>     A checker beside the one of this package; repeat it for
                          each
      --proof <FILE>      A proof to check against the certificate that it names
      --json              Print a JSON object where text would be printed (help,
                          version)
  -h, --help              Print help
  -V, --version           Print version

0: the evidence is right, whatever its verdict is. 20: it is wrong. 30: it could
not be checked; the report says what is missing.
`;

const KERNEL = { input: new URL('../kernel.wasm', import.meta.url) };
const ONE = { type: 'string' } as const;
const MANY = { type: 'string', multiple: true } as const;
const FLAG = { type: 'boolean' } as const;
const OPTIONS = {
  cert: ONE,
  'cert-log': ONE,
  input: MANY,
  snapshot: ONE,
  policy: ONE,
  trust: MANY,
  'any-signer': FLAG,
  head: ONE,
  kernel: MANY,
  proof: ONE,
  json: FLAG,
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type Flags = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let answer: Verification;
  try {
    const { values } = parseArgs({ args, options: OPTIONS });
    if (values.help) return told('text', HELP, values.json);
    if (values.version) return told('version', version(), values.json);
    answer = await verify(evidence(values));
  } catch (error) {
    answer = await refuse(wrongUse(error));
  }
  print(2, answer.text);
  return print(1, `${JSON.stringify(answer.report)}\n`) ? answer.exit : 30;
}

function evidence(flags: Flags): Evidence {
  const { cert, 'cert-log': log } = flags;
  if (cert !== undefined && log !== undefined) throw together('--cert <FILE>', '--cert-log <FILE>');
  const certificates = cert ?? log;
  if (certificates === undefined) throw wrong('missing: <--cert <FILE>|--cert-log <FILE>>');
  return {
    certificates,
    kind: cert === undefined ? 'certificate-log' : 'certificate',
    logs: (flags.input ?? []).map(logInput),
    kernel: [KERNEL, ...(flags.kernel ?? [])],
    trust: trust(flags),
    proof: flags.proof,
    snapshot: flags.snapshot,
    // What is no file is a hash, or nothing.
    head:
      flags.head !== undefined && !isHash(flags.head) && existsSync(flags.head)
        ? file(flags.head)
        : flags.head,
  };
}

function logInput(path: string): Given {
  if (path !== '-') return path;
  return { input: Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>, name: path };
}

function trust({ policy, trust, 'any-signer': any }: Flags): Trust | undefined {
  const given = [policy && '--policy <FILE>', trust && '--trust <KEY>', any && '--any-signer'].filter(
    Boolean,
  );
  if (given.length > 1) throw together(String(given[0]), String(given[1]));
  if (policy !== undefined) return { policy };
  if (trust) return { keys: trust.map((key) => (existsSync(key) ? file(key) : key)) };
  return any ? { anySigner: true } : undefined;
}

function file(path: string): { input: string } {
  return { input: path };
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text);
}

function together(one: string, other: string): Failure {
  return wrong(`the argument '${one}' cannot be used with '${other}'`);
}

function wrong(message: string): Failure {
  return new Failure('usage', message, { hint: '`omega-verify --help` shows the flags.' });
}

/** What `parseArgs` threw is about the command line; anything else is a defect, or what it says. */
function wrongUse(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.startsWith('ERR_PARSE_ARGS')) return wrong(String(message));
  return new Failure('internal', String(message), { cause: error });
}

function told(name: string, text: string, json: boolean | undefined): number {
  const object = {
    command: name === 'text' ? 'help' : name,
    outcome: 'ok',
    exit: 0,
    code: null,
    number: null,
  };
  const rest = { message: null, hint: null, [name]: text.trimEnd() };
  print(1, json ? `${JSON.stringify({ ...object, ...rest })}\n` : text);
  return 0;
}

function version(): string {
  const about = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return `omega-verify ${JSON.parse(about).version}\n`;
}

/** Writes all of it; false where it was not taken. A reader who closed the pipe is no error. */
function print(descriptor: 1 | 2, text: string): boolean {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A pipe that is full, and does not block.
      if (code === 'EAGAIN') continue;
      return code === 'EPIPE';
    }
  }
  return true;
}
