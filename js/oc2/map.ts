/**
 * The causal map: where nodes stand, and what one does with them. Time goes from left to right: a certificate
 * and its events share a column; each log has a band of its own, and what several logs hold stands between.
 */
import {
  type ForceLink,
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
} from 'd3-force';
import { select } from 'd3-selection';
import { type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import { the } from '../page/dom.js';
import { calm, colours, onTheme } from './colours.js';
import { draw, EVENT_RADIUS, MOST_REGIONS } from './draw.js';
import type { Graph, Link, Node } from './graph.js';

/** Between columns: as much as there is room for, within these; and between bands. */
const LEAST_COLUMN = 30;
const MOST_COLUMN = 92;
const LEAST_BAND = 96;
/** Room that an event takes, and that no event takes below the certificates. */
const EVENT_AREA = 4 * (EVENT_RADIUS + 5) ** 2;
const BELOW_CERTIFICATES = 40;
/** Scale below which not all is shown, but the newest: nobody could read it. */
const LEAST_SCALE = 0.8;
/** Scale from which on all is shown where it nearly fits. */
const NEARLY = 0.7;
const MOST_SCALE = 1.6;
/** Pixels around a node that count as the node. */
const REACH = 14;
/** Milliseconds of one flash, and how many there are: then it stands still. */
const FLASH_MILLISECONDS = 1000;
const FLASHES = 8;

/** The map on its canvas. */
export class SheafMap {
  readonly #canvas = the<HTMLCanvasElement>('map');
  readonly #graph: Graph;
  readonly #open: (node: Node) => void;
  readonly #simulation = forceSimulation<Node, Link>();
  readonly #ties: ForceLink<Node, Link>;
  readonly #zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  readonly #numbers = new Map<string, number>();
  #transform: ZoomTransform = zoomIdentity;
  #colours = colours();
  #selected: Node | undefined;
  /** The person has moved the map: it is not fitted any more until they ask. */
  #moved = false;
  /** Since when conflicts flash. */
  readonly #flashing = new Map<number, number>();
  #frame = 0;
  /** Of a column, and of a band. */
  #width = MOST_COLUMN;
  #height = LEAST_BAND;
  /** Everything is to be seen, however small. */
  #all = false;

  constructor(graph: Graph, open: (node: Node) => void) {
    this.#graph = graph;
    this.#open = open;
    this.#ties = forceLink<Node, Link>([])
      .distance(({ tie }) => (tie === 'chain' ? this.#width : tie === 'judged' ? 60 : 34))
      .strength(
        ({ tie }) => ({ depends: 0.12, before: 0.12, chain: 0.2, judged: 0.01, conflict: 0.35 })[tie],
      );
    this.#simulation
      .force('ties', this.#ties)
      .force('charge', forceManyBody<Node>().strength(-26).distanceMax(180))
      .force('apart', forceCollide<Node>(EVENT_RADIUS + 5))
      .force('below', () => {
        for (const node of this.#graph.events) node.y = Math.max(node.y ?? 0, BELOW_CERTIFICATES);
      })
      .on('tick', () => this.#fit())
      .stop();
    this.#zoom = zoom<HTMLCanvasElement, unknown>().scaleExtent([0.1, 4]);
    this.#listen();
    onTheme(() => {
      this.#colours = colours();
      this.#draw();
    });
  }

  /** The graph has changed; `flash` are conflicts that are new. */
  changed(flash: number[]): void {
    for (const { log } of this.#graph.regions()) {
      if (!this.#numbers.has(log)) this.#numbers.set(log, this.#numbers.size);
    }
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const bands = Math.min(this.#numbers.size, MOST_REGIONS) + 1;
    const columns = Math.max(1, this.#graph.certificates.length);
    const room = (bands * LEAST_BAND * width) / (height || 1) / columns;
    this.#shift(Math.max(LEAST_COLUMN, Math.min(MOST_COLUMN, room)));
    // As high as its events take, where they are many.
    const crowd = this.#graph.events.length / columns / (bands - 1 || 1);
    this.#height = Math.max(LEAST_BAND, (crowd * EVENT_AREA) / this.#width + 2 * BELOW_CERTIFICATES);
    for (const node of this.#graph.nodes) {
      if (node.kind === 'certificate') Object.assign(node, { fx: this.#column(node), fy: 0 });
      if (node.x !== undefined) continue;
      // Beside where it will stand, not all at one point.
      const spread = spreadOf(node.key);
      node.x = this.#column(node) + spread[0] * 30;
      node.y = this.#band(node) + spread[1] * 40;
    }
    if (!this.#graph.nodes.includes(this.#selected as Node)) this.#selected = undefined;
    this.#simulation.nodes(this.#graph.nodes);
    this.#simulation.force('column', forceX<Node>((node) => this.#column(node)).strength(0.35));
    this.#simulation.force('band', forceY<Node>((node) => this.#band(node)).strength(0.3));
    this.#ties.links(this.#graph.links);
    for (const id of flash) this.#flashing.set(id, performance.now());
    this.#canvas.setAttribute('aria-label', this.#inWords());
    if (calm()) {
      this.#simulation.alpha(1).tick(200);
      this.#fit();
    } else this.#simulation.alpha(0.4).restart();
  }

  /** Shows all of it again. */
  reset(): void {
    this.#moved = false;
    this.#all = true;
    this.#fit();
  }

  select(node: Node | undefined): void {
    this.#selected = node;
    this.#draw();
  }

  /** Where columns have moved or have another width, everything moves with them at once. */
  #shift(width: number): void {
    const known = this.#graph.certificates.find(({ x }) => x !== undefined);
    const before = known?.fx ?? known?.x;
    const moved = known && before !== undefined ? known.column - before / this.#width : 0;
    for (const node of this.#graph.nodes) {
      if (node.x !== undefined) node.x = (node.x / this.#width + moved) * width;
    }
    this.#width = width;
  }

  #column({ column }: Node): number {
    return column * this.#width;
  }

  #band(node: Node): number {
    if (node.kind === 'certificate') return 0;
    const bands = [...node.logs].map((log) => Math.min(this.#numbers.get(log) ?? 0, MOST_REGIONS));
    const mean = bands.reduce((sum, band) => sum + band, 0) / (bands.length || 1);
    return BELOW_CERTIFICATES + (mean + 0.5) * this.#height;
  }

  /** Brings all into view, or the newest of it, unless the person looks at a part of it. */
  #fit(): void {
    const { nodes } = this.#graph;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!this.#moved && nodes.length > 0 && width > 0) {
      const xs = nodes.map(({ x = 0 }) => x);
      const ys = nodes.map(({ y = 0 }) => y);
      const [left, right] = [Math.min(...xs) - 40, Math.max(...xs) + 40];
      const [top, bottom] = [Math.min(...ys) - 40, Math.max(...ys) + 30];
      const whole = Math.min(MOST_SCALE, width / (right - left), height / (bottom - top));
      const k =
        this.#all || whole >= NEARLY
          ? whole
          : Math.max(whole, Math.min(LEAST_SCALE, height / (bottom - top)));
      // Where not all fits, the newest stands at the right edge.
      const x = k > whole ? width - right * k : (width - (left + right) * k) / 2;
      const y = (height - (top + bottom) * k) / 2;
      this.#transform = zoomIdentity.translate(x, y).scale(k);
      // What d3 goes on from when the person moves it.
      (this.#canvas as unknown as { __zoom: ZoomTransform }).__zoom = this.#transform;
    }
    this.#draw();
  }

  #draw(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame((now) => {
      this.#frame = 0;
      const { clientWidth: width, clientHeight: height } = this.#canvas;
      const ratio = devicePixelRatio || 1;
      if (
        this.#canvas.width !== Math.round(width * ratio) ||
        this.#canvas.height !== Math.round(height * ratio)
      ) {
        this.#canvas.width = Math.round(width * ratio);
        this.#canvas.height = Math.round(height * ratio);
      }
      const context = this.#canvas.getContext('2d');
      if (!context) return;
      const flash = this.#flash(now);
      draw(context, {
        graph: this.#graph,
        numbers: this.#numbers,
        transform: this.#transform,
        width,
        height,
        colours: this.#colours,
        selected: this.#selected,
        flash,
        flashing: new Set(this.#flashing.keys()),
        spacing: this.#width,
      });
      if (this.#flashing.size > 0 && !calm()) this.#draw();
    });
  }

  /** How far the flash is. Once a second: no faster than what anybody can bear to see. */
  #flash(now: number): number {
    for (const [id, since] of this.#flashing) {
      if (now - since > FLASHES * FLASH_MILLISECONDS) this.#flashing.delete(id);
    }
    return calm() ? 0 : (now % FLASH_MILLISECONDS) / FLASH_MILLISECONDS;
  }

  #listen(): void {
    const canvas = this.#canvas;
    this.#zoom
      .filter(
        (event: Event) =>
          !(event instanceof WheelEvent) || event.ctrlKey || document.activeElement === canvas,
      )
      .on('zoom', ({ transform, sourceEvent }: { transform: ZoomTransform; sourceEvent: Event | null }) => {
        this.#moved ||= sourceEvent !== null;
        this.#transform = transform;
        this.#draw();
      });
    select(canvas).call(this.#zoom).on('dblclick.zoom', null);
    canvas.addEventListener('click', (event) => {
      const node = this.#at(event.offsetX, event.offsetY);
      this.select(node);
      if (node) this.#open(node);
    });
    canvas.addEventListener('pointermove', (event) => {
      canvas.classList.toggle('over', this.#at(event.offsetX, event.offsetY) !== undefined);
    });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  #at(x: number, y: number): Node | undefined {
    const [mapX, mapY] = this.#transform.invert([x, y]);
    return this.#simulation.find(mapX, mapY, REACH / this.#transform.k);
  }

  #key(event: KeyboardEvent): void {
    const { nodes } = this.#graph;
    if (event.key === 'Enter' && this.#selected) this.#open(this.#selected);
    else if (event.key === '+' || event.key === '-') {
      select(this.#canvas).call(this.#zoom.scaleBy, event.key === '+' ? 1.25 : 0.8);
      this.#moved = true;
    } else if (event.key === '0') this.reset();
    else if (event.key.startsWith('Arrow') && nodes.length > 0) this.select(this.#next(event.key));
    else return;
    event.preventDefault();
  }

  /** The nearest node in a direction from the one that is selected. */
  #next(key: string): Node | undefined {
    const { nodes } = this.#graph;
    const from = this.#selected;
    if (!from) return nodes[0];
    const [dx, dy] = STEPS[key] ?? [0, 0];
    let best: { node: Node; far: number } = { node: from, far: Number.POSITIVE_INFINITY };
    for (const node of nodes) {
      const [x, y] = [(node.x ?? 0) - (from.x ?? 0), (node.y ?? 0) - (from.y ?? 0)];
      const along = x * dx + y * dy;
      const far = along + 3 * Math.abs(x * dy + y * dx);
      if (node !== from && along > 1 && far < best.far) best = { node, far };
    }
    return best.node;
  }

  #inWords(): string {
    const { events, certificates } = this.#graph;
    const conflicts = events.filter(({ incidents }) => incidents.size > 0).length;
    return `Map of ${events.length} events in ${certificates.length} certificates, ${conflicts} of them in open conflicts. The same stands in the list.`;
  }
}

/** Where an arrow key leads. */
const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Two numbers from -1 to 1, the same for the same key. */
function spreadOf(key: string): [number, number] {
  let mixed = 7;
  for (const character of key) mixed = (Math.imul(mixed, 31) + character.charCodeAt(0)) | 0;
  return [((mixed & 255) - 128) / 128, (((mixed >> 8) & 255) - 128) / 128];
}
