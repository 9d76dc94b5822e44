/**
 * What a core module wants and offers, read from its own bytes before it is compiled: names and types of
 * imports and exports, and how much memory and how many table elements it begins with.
 *
 * A component runtime would refuse a module whose imports or exports do not fit its component. JavaScript
 * would not: it coerces arguments, and looks imports up through prototypes, where a module that asks for
 * `constructor` finds one. So both are held to what the glue was generated for, exactly.
 */
import { Failure } from './failure.js';
import { Malformed, Reader } from './reader.js';

/** A core module's border. Each entry reads `name kind type`. */
export interface Border {
  /** In their order; `module name kind type`. */
  imports: string[];
  exports: string[];
  /** Bytes of all memories that it brings, as they begin. */
  memoryBytes: number;
  /** Elements of all tables that it brings, as they begin. */
  tableElements: number;
}

/** Sections, by their ids. */
const TYPE = 1;
const IMPORT = 2;
const FUNCTION = 3;
const TABLE = 4;
const MEMORY = 5;
const EXPORT = 7;
const TAG = 13;

const PAGE_BYTES = 65_536;
/** Value types of one byte. */
const VALUES: Record<number, string> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  112: 'funcref',
  111: 'externref',
};

/**
 * Reads a module's border.
 *
 * @throws {Malformed} where it is no module.
 * @throws {Failure} `kernel-unknown` where it uses something that no kernel of this contract has: types
 * other than functions, 64-bit or shared memory, exceptions at its border.
 */
export function border(module: Uint8Array): Border {
  const reader = new Reader(module);
  if ([...reader.take(8)].join() !== '0,97,115,109,1,0,0,0') throw new Malformed('it is no core module');
  const found = new Found();
  while (!reader.done) {
    const id = reader.byte();
    const content = new Reader(reader.take(reader.u32()));
    found.section(id, content);
  }
  return found.border();
}

/** What was found so far: index spaces as far as exports name them. */
class Found {
  #types: string[] = [];
  #functions: string[] = [];
  #tables: string[] = [];
  #imports: string[] = [];
  #exports: [string, number, number][] = [];
  #memoryBytes = 0;
  #tableElements = 0;

  section(id: number, content: Reader): void {
    switch (id) {
      case TYPE:
        return each(content, () => this.#types.push(functionType(content)));
      case IMPORT:
        return each(content, () => this.#import(content));
      case FUNCTION:
        return each(content, () => this.#functions.push(this.#type(content.u32())));
      case TABLE:
        return each(content, () => this.#table(content));
      case MEMORY:
        return each(content, () => this.#memory(content));
      case EXPORT:
        return each(content, () => this.#exports.push([content.name(), content.byte(), content.u32()]));
      case TAG:
        throw unreadable('exceptions');
      // Code, data, globals and the rest: the engine reads them when it compiles.
    }
  }

  border(): Border {
    const named = ([name, kind, index]: [string, number, number]): string => {
      switch (kind) {
        case 0:
          return `${name} func ${known(this.#functions[index])}`;
        case 1:
          return `${name} table ${known(this.#tables[index])}`;
        case 2:
          return `${name} memory`;
        case 3:
          return `${name} global`;
        default:
          throw new Malformed(`it exports ${name}, of no known kind`);
      }
    };
    return {
      imports: this.#imports,
      exports: this.#exports.map(named),
      memoryBytes: this.#memoryBytes,
      tableElements: this.#tableElements,
    };
  }

  #import(content: Reader): void {
    const name = `${content.name()} ${content.name()}`;
    switch (content.byte()) {
      case 0: {
        const type = this.#type(content.u32());
        this.#functions.push(type);
        this.#imports.push(`${name} func ${type}`);
        return;
      }
      case 1: {
        const type = `${valueType(content)} ${limits(content).text}`;
        this.#tables.push(type);
        this.#imports.push(`${name} table ${type}`);
        return;
      }
      case 2:
        this.#imports.push(`${name} memory ${limits(content).text}`);
        return;
      case 3:
        this.#imports.push(`${name} global ${valueType(content)} ${content.byte()}`);
        return;
      default:
        throw unreadable('imports of another kind');
    }
  }

  #table(content: Reader): void {
    const type = valueType(content);
    const { least, text } = limits(content);
    this.#tables.push(`${type} ${text}`);
    this.#tableElements += least;
  }

  #memory(content: Reader): void {
    const { least } = limits(content);
    this.#memoryBytes += least * PAGE_BYTES;
  }

  #type(index: number): string {
    return known(this.#types[index]);
  }
}

function each(content: Reader, read: () => unknown): void {
  for (let left = content.count(); left > 0; left -= 1) read();
}

function known(type: string | undefined): string {
  if (type === undefined) throw new Malformed('it names a type, function or table that it does not have');
  return type;
}

function functionType(content: Reader): string {
  if (content.byte() !== 0x60) throw unreadable('types that are no functions');
  const values = () => {
    const found: string[] = [];
    each(content, () => found.push(valueType(content)));
    return found.join();
  };
  const parameters = values();
  return `(${parameters})->(${values()})`;
}

function valueType(content: Reader): string {
  const byte = content.byte();
  const name = VALUES[byte];
  if (name !== undefined) return name;
  if (byte !== 0x63 && byte !== 0x64) throw unreadable(`a type with the byte ${byte}`);
  content.skipS33();
  return 'ref';
}

/** Pages or elements: how many there are at first, and how many there may be. */
function limits(content: Reader): { least: number; text: string } {
  const flags = content.byte();
  if (flags > 1) throw unreadable('64-bit or shared memory');
  const least = content.u32();
  return { least, text: flags === 1 ? `${least}..${content.u32()}` : `${least}..` };
}

function unreadable(what: string): Failure {
  return new Failure('kernel-unknown', `this kernel uses ${what}, which this verifier does not run`, {
    hint: '`omega verify --kernel FILE` may run it.',
  });
}
