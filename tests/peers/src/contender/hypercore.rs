//! The same events as blocks of hypercores, one for each writer: appended, and replicated with a proof each.
//!
//! The crate has no audit of what it holds, as the JavaScript implementation has (`hypercore_node.rs`). What comes nearest
//! is a reader who starts with the key alone and is given each block with its proof.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use futures::executor::block_on;
use hypercore::{Hypercore, HypercoreBuilder, PartialKeypair, SigningKey, Storage};
use hypercore_schema::{Proof, RequestBlock, RequestUpgrade};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::Event;

/// Blocks that one signature covers when they are appended.
const BATCH: usize = 1000;

/// Appending.
#[derive(Default)]
pub struct Append {
    feeds: BTreeMap<u32, Vec<Vec<u8>>>,
}

impl Contender for Append {
    fn name(&self) -> &'static str {
        "hypercore, append"
    }

    fn version(&self) -> String {
        super::crate_version("hypercore")
    }

    fn checks(&self) -> &'static str {
        "nothing: it makes BLAKE2b of each block and inner node, a signature for each 1,000 blocks, and stores them in memory"
    }

    fn does_not_check(&self) -> &'static str {
        "anything: it writes; what reading back costs is the next row"
    }

    fn most_events(&self) -> usize {
        20_000
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.feeds = feeds(events);
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let mut cores = Vec::new();
        for (&writer, blocks) in &self.feeds {
            cores.push((block_on(core(writer, true))?, blocks));
        }
        let (events, time) = timed(|| {
            let mut events = 0;
            for (core, blocks) in &mut cores {
                events += block_on(append(core, blocks))?;
            }
            Ok(events)
        })?;
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        Ok(Flipped::NotLookedFor)
    }
}

/// A reader that verifies a proof for each block and keeps the block.
#[derive(Default)]
pub struct Proofs {
    proofs: BTreeMap<u32, Vec<Proof>>,
}

impl Contender for Proofs {
    fn name(&self) -> &'static str {
        "hypercore, proofs"
    }

    fn version(&self) -> String {
        super::crate_version("hypercore")
    }

    fn checks(&self) -> &'static str {
        "BLAKE2b of each block and the nodes above it that the reader lacks, and one Ed25519 signature over each writer's root"
    }

    fn does_not_check(&self) -> &'static str {
        "anything inside a block or across feeds: ids, deps, Lamport times"
    }

    fn most_events(&self) -> usize {
        5_000
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.proofs = BTreeMap::new();
        for (writer, blocks) in feeds(events) {
            self.proofs.insert(writer, block_on(proofs(writer, &blocks))?);
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let mut readers = Vec::new();
        for (&writer, proofs) in &self.proofs {
            readers.push((block_on(core(writer, false))?, proofs));
        }
        let (events, time) = timed(|| {
            let mut events = 0;
            for (reader, proofs) in &mut readers {
                for proof in *proofs {
                    if !block_on(reader.verify_and_apply_proof(proof))? {
                        bail!("a proof was not accepted");
                    }
                }
                events += reader.info().contiguous_length as usize;
            }
            Ok(events)
        })?;
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let proofs = self.proofs.values_mut().next().context("there are no proofs")?;
        let middle = proofs.len() / 2;
        let block = proofs[middle].block.as_mut().context("the proof has no block")?;
        *block.value.last_mut().context("the block is empty")? ^= 1;
        Ok(Flipped::from_run(self.run()))
    }
}

/// Each writer's events, as blocks.
pub fn feeds(events: &[Event]) -> BTreeMap<u32, Vec<Vec<u8>>> {
    let mut feeds: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    for event in events {
        feeds.entry(event.header.node).or_default().push(event.message.clone());
    }
    feeds
}

/// An empty core in memory, for the writer itself or for a reader.
async fn core(writer: u32, may_write: bool) -> Result<Hypercore> {
    let key = SigningKey::from_bytes(blake3::hash(&writer.to_le_bytes()).as_bytes());
    let pair = PartialKeypair { public: key.verifying_key(), secret: may_write.then_some(key) };
    Ok(HypercoreBuilder::new(Storage::new_memory().await?).key_pair(pair).build().await?)
}

async fn append(core: &mut Hypercore, blocks: &[Vec<u8>]) -> Result<usize> {
    for batch in blocks.chunks(BATCH) {
        core.append_batch(batch).await?;
    }
    Ok(core.info().length as usize)
}

/// The proofs that a reader asks for who takes the blocks in order.
async fn proofs(writer: u32, blocks: &[Vec<u8>]) -> Result<Vec<Proof>> {
    let (mut source, mut reader) = (core(writer, true).await?, core(writer, false).await?);
    append(&mut source, blocks).await?;
    let mut proofs = Vec::with_capacity(blocks.len());
    for index in 0..blocks.len() as u64 {
        let nodes = reader.missing_nodes(index).await?;
        let upgrade = (index == 0).then_some(RequestUpgrade { start: 0, length: blocks.len() as u64 });
        let proof = source.create_proof(Some(RequestBlock { index, nodes }), None, None, upgrade).await?;
        let proof = proof.context("no proof could be made")?;
        reader.verify_and_apply_proof(&proof).await?;
        proofs.push(proof);
    }
    Ok(proofs)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    #[test]
    fn both_check_every_event_and_proofs_notice_a_flipped_bit() {
        checks_every_event(&mut Append::default());
        checks_every_event(&mut Proofs::default());
        notices_a_flipped_bit(&mut Proofs::default());
    }
}
