/**
 * A kernel's component, taken apart: the core modules that run, and the *shape*, which says how they are
 * wired. Glue was generated for one shape; only components of that very shape are run with it.
 *
 * The core modules are views of the bytes that were handed in, so whoever hashed those has hashed what
 * runs. Nothing here compiles or runs anything.
 */
import { joined } from './bytes.js';
import { Failure } from './failure.js';
import { Malformed, Reader } from './reader.js';

/** Bytes in a component, as for the `omega` command. */
export const MAX_COMPONENT_BYTES = 16 << 20;

/** Sections of a component, by their ids. */
const CUSTOM = 0;
const CORE_MODULE = 1;
const IMPORT = 10;
const EXPORT = 11;
const LAST_SECTION = 12;

/** What every kernel exports. */
const INTERFACES = ['omega:kernel/session@1.0.0', 'omega:kernel/certificates@1.0.0'];

const HINT = 'A kernel is a component that exports omega:kernel@1.0.0 and imports nothing.';

/** A component, taken apart. */
export interface Parts {
  /** The core modules in their order: views of the component's bytes. */
  modules: Uint8Array[];
  /**
   * Everything else but custom sections: for each section its id, the length of its content in four bytes,
   * and the content; for a core module only id and zeros. Two components with one shape differ in nothing
   * but the code of their modules and in custom sections, which mean nothing.
   */
  shape: Uint8Array;
  /** The first thing that the component wants from its host, where it wants something. */
  wanted: string | undefined;
  /** Whether the names of the contract's interfaces stand among its exports. */
  exportsKernel: boolean;
}

/** Not a kernel, in the words of the `omega` command. */
export function invalidKernel(why: string): Failure {
  return new Failure('kernel-invalid', `this is not a kernel: ${why}`, { hint: HINT });
}

/**
 * Takes a component apart. The bytes may be anything.
 *
 * @throws {Failure} `file-empty` or `kernel-invalid`.
 */
export function takeApart(bytes: Uint8Array): Parts {
  refuseWhatIsNoComponent(bytes);
  try {
    return sections(new Reader(bytes.subarray(8)));
  } catch (error) {
    if (error instanceof Malformed) throw invalidKernel(`its sections cannot be read: ${error.message}`);
    throw error;
  }
}

/**
 * Refuses a component that the glue at hand was not generated for.
 *
 * @throws {Failure} `kernel-invalid` where it is no kernel, and `kernel-unknown` where it may be one, but
 * is wired in another way: another host can run it, and this one does not guess.
 */
export function refuseOtherShape(parts: Parts, shape: Uint8Array): void {
  if (parts.wanted !== undefined) {
    throw invalidKernel(`it wants ${parts.wanted}, and a kernel may want nothing`);
  }
  if (!parts.exportsKernel) throw invalidKernel('it does not export omega:kernel@1.0.0');
  if (!sameBytes(parts.shape, shape)) {
    throw new Failure('kernel-unknown', 'this kernel is wired in a way that this verifier cannot run', {
      hint: '`omega verify --kernel FILE` runs it, and so does any WebAssembly runtime with components.',
    });
  }
}

function refuseWhatIsNoComponent(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new Failure('file-empty', 'the file is empty');
  if (bytes.length > MAX_COMPONENT_BYTES) {
    throw invalidKernel(`it has ${bytes.length} bytes, and a kernel may have ${MAX_COMPONENT_BYTES}`);
  }
  const start = [...bytes.subarray(0, 8)].join();
  if (start === '0,97,115,109,1,0,0,0') {
    throw invalidKernel('it is a WebAssembly module, and a component was expected');
  }
  if (start !== '0,97,115,109,13,0,1,0') throw invalidKernel('it is no WebAssembly component');
}

function sections(reader: Reader): Parts {
  const modules: Uint8Array[] = [];
  const shape: Uint8Array[] = [];
  let wanted: string | undefined;
  let exported = '';
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.take(reader.u32());
    if (id > LAST_SECTION) throw new Malformed(`there is no section with the id ${id}`);
    if (id === CUSTOM) {
      // It must have a name, and then means nothing.
      new Reader(content).name();
      continue;
    }
    if (id === CORE_MODULE) modules.push(content);
    if (id === IMPORT) wanted ??= firstImport(content);
    if (id === EXPORT) exported += latin1(content);
    const kept = id === CORE_MODULE ? content.subarray(0, 0) : content;
    shape.push(header(id, kept.length), kept);
  }
  return {
    modules,
    shape: joined(shape),
    wanted,
    exportsKernel: INTERFACES.every((name) => exported.includes(name)),
  };
}

/** The name of a section's first import; undefined where it has none. */
function firstImport(section: Uint8Array): string | undefined {
  const reader = new Reader(section);
  if (reader.count() === 0) return undefined;
  reader.byte();
  return reader.name();
}

function header(id: number, length: number): Uint8Array {
  const header = new Uint8Array(5);
  header[0] = id;
  new DataView(header.buffer).setUint32(1, length, true);
  return header;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
