/** What processes take, on Linux: time and memory of a command, and of a process with all below it. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Clock ticks in a second, in `/proc`: the same on every Linux that Node runs on. */
const TICKS = 100;
/** Milliseconds between two looks at memory. */
const LOOK_MILLISECONDS = 15;
/** Runs a command and says what it took: seconds, processor seconds, KiB at most, and how it ended. */
const TIMED = `
import os, sys, time
begun = time.monotonic()
null = [(os.POSIX_SPAWN_OPEN, to, os.devnull, os.O_WRONLY, 0) for to in (1, 2)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, used = os.wait4(child, 0)
print(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
`;

/**
 * Runs a command to its end.
 *
 * @returns seconds, processor seconds and bytes of memory at most.
 */
export async function timed(command) {
  const [seconds, processor, memory, status] = (await output('python3', ['-c', TIMED, ...command]))
    .split(' ')
    .map(Number);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}`);
  return { seconds, processor, memory: memory * 1024 };
}

/** What a command prints. */
export function output(program, words, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(text);
      else reject(new Error(`${program} ${words[0]} ended with ${status}`));
    });
  });
}

/** Processor seconds that a process and all below it have used so far. */
export function processorSeconds(root) {
  return below(root).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS;
}

/** Looks at the memory of a process and all below it until it is told to stop; then the most above the start. */
export function memoryWatch(root) {
  const used = () => below(root).reduce((sum, { pid }) => sum + proportional(pid), 0);
  const start = used();
  let most = start;
  const timer = setInterval(() => {
    most = Math.max(most, used());
  }, LOOK_MILLISECONDS);
  return () => {
    clearInterval(timer);
    return most - start;
  };
}

/** A process and all that it started, with what they started. */
function below(root) {
  const all = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The name in brackets may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields.length < 15) continue;
    all.set(Number(name), {
      pid: Number(name),
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
    });
  }
  const within = (pid) => pid === root || (all.has(pid) && within(all.get(pid).parent));
  return [...all.values()].filter(({ pid }) => within(pid));
}

/** A process's bytes of memory, what it shares divided by those who share it. */
function proportional(pid) {
  const kibibytes = /^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

function read(path) {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  } catch {
    // It ended meanwhile.
    return '';
  }
}
