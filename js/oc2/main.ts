/** The command centre: what the node does, as it does it. */
import { the } from '../page/dom.js';
import { Api } from './api.js';
import { askForToken } from './ask.js';
import { Attention } from './attention.js';
import { Audit } from './audit.js';
import { Auditor } from './auditor.js';
import { openCertificate } from './certificate-panel.js';
import { MOST_REGIONS } from './draw.js';
import { openEvent } from './event-panel.js';
import { feed } from './feed.js';
import { Graph, type Node } from './graph.js';
import { Incidents } from './incidents.js';
import { KernelPanel } from './kernels.js';
import { MapList } from './list.js';
import { SheafMap } from './map.js';
import { Model } from './model.js';
import { listenToPanel } from './panel.js';
import { Quorum } from './quorum.js';
import { StatusPanel } from './status.js';
import { Stream } from './stream.js';

/** Milliseconds before a node is asked again that could not be reached at the beginning. */
const WAIT = 2000;

const part = (name: string) => document.getElementById(`part-${name}`)?.textContent ?? '';
const model = new Model(new Api(askForToken));
const stream = new Stream(model.api, model);
const auditor = new Auditor(model.api, model.heights, { worker: part('worker'), loader: part('loader') });

const event = (id: string) => void openEvent(id, model, auditor, certificate);
const certificate = (height: number) => void openCertificate(height, model, { event, audit: verify });
const verify = (height: number) => {
  the<HTMLDialogElement>('panel').close();
  audit.verify(height);
};
const leads = { event, certificate };

/** Ends the wait for a node that could not be reached at the beginning. */
let again = () => {};
new StatusPanel(model, () => {
  model.api.askAgain();
  stream.retry();
  again();
});
new Attention(model, leads);
new Quorum(model);
const audit = new Audit(model, auditor, certificate);
new Incidents(model, leads);
new KernelPanel(model, leads);
listenToPanel();
showMap();
void begin();

/** The map, its list and what feeds them. */
function showMap(): void {
  const graph = new Graph();
  const open = (node: Node) => (node.kind === 'event' ? event(node.id) : certificate(node.height));
  const map = new SheafMap(graph, open);
  const list = new MapList(graph, open);
  let known = new Set<number>();
  const changed = (flash: number[] = []) => {
    map.changed(flash);
    list.changed();
    const more = graph.regions().length - MOST_REGIONS;
    the('map-logs').textContent = more > 0 ? `And ${more} more logs, whose regions are not drawn.` : '';
  };
  feed(model, graph, changed);
  model.on(['incidents', 'chain'], () => {
    const open = model.open;
    graph.conflicts(open);
    changed(open.map(({ id }) => id).filter((id) => !known.has(id)));
    known = new Set(open.map(({ id }) => id));
  });
  the('map-fit').addEventListener('click', () => map.reset());
}

/** Reads what is there, and then listens; a node that is not there yet is waited for. */
async function begin(): Promise<void> {
  for (;;) {
    try {
      await model.begin();
      break;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      model.link({ link: 'broken', why });
      await new Promise<void>((resolve) => {
        again = resolve;
        setTimeout(resolve, WAIT);
      });
    }
  }
  await stream.listen(String(model.newest));
}
