/** Fetching the batches that the map shows: the newest ones, one at a time, and none twice. */
import { type Graph, MOST_EVENTS } from './graph.js';
import type { Model } from './model.js';
import type { Batch } from './types.js';

/** Events that are asked for of a batch. */
const EVENTS_OF_BATCH = 60;
/** Certificates that are looked at: where more come than can be fetched, older ones are left out. */
const MOST_BEHIND = 48;
/** Milliseconds between two batches: of what was there before, and of what comes, so that a busy node is not asked without end. */
const PAUSE_BEFORE = 40;
const PAUSE = 200;

/** Fills the graph from what the model hears of; `changed` is called after each step. */
export function feed(model: Model, graph: Graph, changed: () => void): void {
  let busy = false;
  /** Heights whose batch the node would not give. */
  const refused = new Set<number>();
  const next = () => {
    const newest = model.recent.slice(-MOST_BEHIND).reverse();
    const full = graph.events.length >= MOST_EVENTS;
    const oldest = graph.certificates[0]?.height ?? 0;
    return newest.find(({ entry }) => {
      const height = Number(entry.height);
      return !graph.has(height) && !refused.has(height) && (!full || height > oldest);
    });
  };
  const work = async () => {
    if (busy) return;
    busy = true;
    for (let heard = next(); heard && document.visibilityState === 'visible'; heard = next()) {
      const { entry, at } = heard;
      try {
        const path = `/api/certificates/${entry.height}/events?limit=${EVENTS_OF_BATCH}`;
        const batch = entry.verdict === null ? undefined : await model.api.json<Batch>(path);
        graph.add(entry, batch);
        changed();
      } catch {
        refused.add(Number(entry.height));
      }
      await new Promise((resolve) => setTimeout(resolve, at === undefined ? PAUSE_BEFORE : PAUSE));
    }
    busy = false;
  };
  model.on(['certificates'], () => void work());
  model.on(['link'], () => {
    if (model.linkState.link === 'live') refused.clear();
  });
  model.on(['chain'], () => {
    graph.clear();
    refused.clear();
    changed();
  });
  document.addEventListener('visibilitychange', () => void work());
}
