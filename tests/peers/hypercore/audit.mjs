// Audits hypercores: `audit.mjs FOLDER`, where FOLDER/blocks.N holds writer N's blocks, each behind its length (u32,
// little-endian). A request a line (`turn`, `flip`), an answer a line, as src/contender/hypercore_node.rs expects them.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Hypercore from 'hypercore'

const folder = process.argv[2]
const cores = []

function blocks(bytes) {
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at)
    found.push(bytes.subarray(at + 4, end))
    at = end
  }
  return found
}

async function prepare() {
  for (const name of readdirSync(folder).filter((name) => name.startsWith('blocks.')).sort()) {
    const core = new Hypercore(join(folder, name.replace('blocks', 'core')))
    await core.ready()
    await core.append(blocks(readFileSync(join(folder, name))))
    cores.push(core)
  }
}

// Checks what is stored and changes nothing.
async function audit() {
  const [begun, used] = [process.hrtime.bigint(), process.cpuUsage()]
  let [events, dropped] = [0, 0]
  for (const core of cores) {
    const stats = await core.core.audit({ dryRun: true })
    if (stats === null || stats.corrupt) throw new Error('a root is missing')
    events += stats.blocks
    dropped += stats.droppedBlocks + stats.droppedTreeNodes + stats.droppedBits
  }
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  const { user, system } = process.cpuUsage(used)
  if (dropped > 0) throw new Error(`the audit would drop ${dropped} entries`)
  return { time: { seconds, processor: (user + system) / 1e6 }, events }
}

// A bit of a stored block, behind the back of the core.
async function flip() {
  const [core] = cores
  const index = Math.floor(core.length / 2)
  const block = Buffer.from(await core.get(index))
  block[block.length >> 1] ^= 1
  const write = core.core.state.storage.write()
  write.putBlock(index, block)
  await write.flush()
}

async function answer(request) {
  try {
    if (request === 'flip') await flip()
    return await audit()
  } catch (error) {
    return { failed: error.message }
  }
}

await prepare()
const events = cores.reduce((sum, core) => sum + core.length, 0)
console.log(JSON.stringify({ time: { seconds: 0, processor: null }, events }))
for await (const request of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(request)))
}
for (const core of cores) await core.close()
