//! A disk that fails: files in memory, which know what was synced, and a power cut at any operation.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, Volume};

/// What of an operation is done when the power is cut in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Before,
    /// So many quarters of what is written; a sync syncs nothing then.
    Quarters(usize),
    /// All of it.
    After,
}

/// What survives of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Only what was synced.
    Synced,
    /// Everything that was written.
    Everything,
    /// Lengths, with zeros in place of what was not synced.
    Lengths,
}

#[derive(Debug, Clone, Default, Hash)]
struct File {
    content: Vec<u8>,
    synced: Vec<u8>,
    /// Its name is on disk.
    named: bool,
}

#[derive(Debug, Default)]
struct World {
    files: BTreeMap<String, File>,
    done: usize,
    cut: Option<(usize, Cut)>,
    off: bool,
    /// Writes fail from this operation on, for so many operations.
    full: Option<(usize, usize)>,
    /// Files whose name has this are never synced, and say that they are: a defect on purpose.
    lies: Option<&'static str>,
    /// The files before each operation, where that is wanted.
    film: Option<Vec<BTreeMap<String, File>>>,
}

/// A folder in it.
#[derive(Debug, Clone)]
pub struct SimVolume {
    world: Arc<Mutex<World>>,
    folder: &'static str,
}

/// A file in it.
#[derive(Debug)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
    name: String,
}

impl SimVolume {
    /// An empty disk.
    pub fn new() -> Self {
        SimVolume { world: Arc::default(), folder: "" }
    }

    /// Another folder of it.
    pub fn folder(&self, folder: &'static str) -> Self {
        SimVolume { world: Arc::clone(&self.world), folder }
    }

    /// Cuts the power in operation number `at`.
    pub fn cut_at(&self, at: usize, how: Cut) {
        lock(&self.world).cut = Some((at, how));
    }

    /// Lets `count` operations from number `at` on fail as on a full disk.
    pub fn full_at(&self, at: usize, count: usize) {
        lock(&self.world).full = Some((at, count));
    }

    /// Operations so far.
    pub fn operations(&self) -> usize {
        lock(&self.world).done
    }

    /// Files whose name has this are not synced from now on, and nobody is told.
    pub fn lie_about(&self, name: &'static str) {
        lock(&self.world).lies = Some(name);
    }

    /// Keeps the files as they are before each operation from now on.
    pub fn film(&self) {
        lock(&self.world).film = Some(Vec::new());
    }

    /// The disk before each operation since [`SimVolume::film`], and as it is now.
    pub fn scenes(&self) -> Vec<Self> {
        let world = lock(&self.world);
        let scenes = world.film.iter().flatten().chain([&world.files]);
        scenes.map(|files| self.with(files.clone(), world.lies)).collect()
    }

    /// A digest of everything on it: contents, what was synced, names.
    pub fn digest(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        lock(&self.world).files.hash(&mut hasher);
        hasher.finish()
    }

    fn with(&self, files: BTreeMap<String, File>, lies: Option<&'static str>) -> Self {
        let world = World { files, lies, ..World::default() };
        SimVolume { world: Arc::new(Mutex::new(world)), folder: self.folder }
    }

    /// The disk after the power came back.
    pub fn after_the_cut(&self, survives: Survives) -> Self {
        let (files, lies) = {
            let world = lock(&self.world);
            (world.files.clone(), world.lies)
        };
        let files = files.into_iter().filter_map(|(name, file)| {
            let content = match survives {
                Survives::Synced => file.synced,
                Survives::Everything => file.content,
                Survives::Lengths => {
                    let mut content = file.synced;
                    content.resize(content.len().max(file.content.len()), 0);
                    content
                }
            };
            let kept = file.named || survives == Survives::Everything;
            kept.then(|| (name, File { synced: content.clone(), content, named: true }))
        });
        self.with(files.collect(), lies)
    }
}

impl World {
    /// Does an operation that changes something; `act` does so many quarters of it.
    fn act(&mut self, write: bool, act: impl FnOnce(&mut Self, usize)) -> io::Result<()> {
        let off = || Err(io::Error::other("the power is off"));
        if self.off {
            return off();
        }
        let now = self.done;
        self.done += 1;
        if let Some(film) = &mut self.film {
            film.push(self.files.clone());
        }
        if write && self.full.is_some_and(|(from, count)| (from..from + count).contains(&now)) {
            // A full disk takes what fits.
            act(self, 2);
            return Err(ErrorKind::StorageFull.into());
        }
        match self.cut.filter(|(at, _)| *at == now) {
            None => {
                act(self, 4);
                Ok(())
            }
            Some((_, how)) => {
                match how {
                    Cut::Before => {}
                    Cut::Quarters(quarters) => act(self, quarters),
                    Cut::After => act(self, 4),
                }
                self.off = true;
                off()
            }
        }
    }
}

impl Disk for SimDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.world).files[&self.name].content.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let world = lock(&self.world);
        let content = &world.files[&self.name].content;
        let start = offset as usize;
        let part = content.get(start..start + buffer.len());
        buffer.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let name = &self.name;
        lock(&self.world).act(true, |world, quarters| {
            let bytes = &bytes[..bytes.len() * quarters / 4];
            let file = world.files.entry(name.clone()).or_default();
            let end = offset as usize + bytes.len();
            file.content.resize(file.content.len().max(end), 0);
            file.content[offset as usize..end].copy_from_slice(bytes);
        })
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let name = &self.name;
        lock(&self.world).act(false, |world, quarters| {
            if quarters == 4 {
                world.files.entry(name.clone()).or_default().content.resize(length as usize, 0);
            }
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let name = &self.name;
        lock(&self.world).act(true, |world, quarters| {
            if quarters == 4 && world.lies.is_none_or(|lies| !name.contains(lies)) {
                let file = world.files.entry(name.clone()).or_default();
                file.synced = file.content.clone();
            }
        })
    }
}

impl Volume for SimVolume {
    type Disk = SimDisk;

    fn names(&self) -> io::Result<Vec<String>> {
        let world = lock(&self.world);
        let inside = world.files.keys().filter_map(|name| name.strip_prefix(self.folder));
        Ok(inside.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn open(&self, name: &str) -> io::Result<SimDisk> {
        let name = format!("{}{name}", self.folder);
        let mut world = lock(&self.world);
        if !world.files.contains_key(&name) {
            world.act(true, |world, quarters| {
                if quarters == 4 {
                    world.files.insert(name.clone(), File::default());
                }
            })?;
        }
        Ok(SimDisk { world: Arc::clone(&self.world), name })
    }

    fn sync(&self) -> io::Result<()> {
        let folder = self.folder;
        lock(&self.world).act(true, |world, quarters| {
            let inside = |name: &str| name.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
            let named = world.files.iter_mut().filter(|(name, _)| quarters == 4 && inside(name));
            named.for_each(|(_, file)| file.named = true);
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        format!("{}{name}", self.folder).into()
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().expect("no test panics while it holds a disk")
}
