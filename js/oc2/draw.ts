/** Drawing the map: regions first, ties over them, nodes on top. Nothing here decides where anything stands. */
import { polygonHull } from 'd3-polygon';
import { curveCatmullRomClosed, line } from 'd3-shape';
import type { ZoomTransform } from 'd3-zoom';
import { type Colours, OBSTRUCTION } from './colours.js';
import type { CertificateNode, EventNode, Graph, Link, Node } from './graph.js';

/** Regions that are drawn: more would cover one another. */
export const MOST_REGIONS = 12;
/** Half the size of a node. */
export const EVENT_RADIUS = 5;
export const CERTIFICATE_RADIUS = 7;
/** Between a region's edge and its events. */
const REGION_MARGIN = 15;

/** What is drawn, and how. */
export interface Scene {
  graph: Graph;
  /** Number of each log, by which it has its colour. */
  numbers: Map<string, number>;
  transform: ZoomTransform;
  width: number;
  height: number;
  colours: Colours;
  selected: Node | undefined;
  /** How far the flash of new conflicts is, from 0 to 1; it stands at 0 where nothing flashes. */
  flash: number;
  flashing: Set<number>;
  /** Between two columns. */
  spacing: number;
}

/** Draws all of it. */
export function draw(context: CanvasRenderingContext2D, scene: Scene): void {
  const { graph, transform, width, height } = scene;
  const ratio = devicePixelRatio || 1;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.translate(transform.x, transform.y);
  context.scale(transform.k, transform.k);
  const labels: Label[] = [];
  for (const region of graph.regions().slice(0, MOST_REGIONS).reverse())
    drawRegion(context, scene, region, labels);
  for (const link of graph.links) drawLink(context, scene, link);
  for (const node of graph.nodes) {
    if (node.kind === 'certificate') drawCertificate(context, scene, node);
    else drawEvent(context, scene, node);
  }
  for (const { words, x, y, colour } of apart(labels, transform.k)) text(context, scene, words, x, y, colour);
  drawBeyond(context, scene);
}

/** At the edges: how many events in conflicts stand beyond them, so that none is overlooked. */
function drawBeyond(context: CanvasRenderingContext2D, scene: Scene): void {
  const { graph, transform, width, colours } = scene;
  const places = graph.events.flatMap(({ incidents, x = 0 }) =>
    incidents.size > 0 ? transform.applyX(x) : [],
  );
  const sides = [
    { count: places.filter((x) => x < 0).length, arrow: '◂', x: 30 },
    { count: places.filter((x) => x > width).length, arrow: '▸', x: width - 30 },
  ];
  for (const { count, arrow, x } of sides) {
    if (count === 0) continue;
    const words = arrow === '◂' ? `${arrow} ✕ ${count}` : `✕ ${count} ${arrow}`;
    const [mapX, mapY] = transform.invert([x, 18]);
    text(context, scene, words, mapX, mapY, colours.obstruction);
  }
}

/** A name on the map. */
interface Label {
  words: string;
  x: number;
  y: number;
  colour: string;
}

/** Labels moved down until none lies on another. */
function apart(labels: Label[], scale: number): Label[] {
  const placed: Label[] = [];
  for (const label of labels.sort((a, b) => a.y - b.y)) {
    let { y } = label;
    const meets = (other: Label) =>
      Math.abs(other.y - y) < 13 / scale &&
      Math.abs(other.x - label.x) < ((other.words.length + label.words.length) * 4) / scale;
    while (placed.some(meets)) y += 2 / scale;
    placed.push({ ...label, y });
  }
  return placed;
}

function drawRegion(
  context: CanvasRenderingContext2D,
  { numbers, colours, transform, width }: Scene,
  { log, events }: { log: string; events: EventNode[] },
  labels: Label[],
): void {
  const points = events.flatMap(({ x = 0, y = 0 }) =>
    Array.from({ length: 8 }, (_, at): [number, number] => {
      const angle = (at * Math.PI) / 4;
      return [x + Math.cos(angle) * REGION_MARGIN, y + Math.sin(angle) * REGION_MARGIN];
    }),
  );
  const hull = polygonHull(points);
  if (!hull) return;
  const number = numbers.get(log) ?? 0;
  context.beginPath();
  line().curve(curveCatmullRomClosed.alpha(0.8)).context(context)(hull);
  context.fillStyle = colours.log(number, 0.09);
  context.fill();
  context.strokeStyle = colours.log(number, 0.55);
  context.lineWidth = 1 / transform.k;
  context.stroke();
  // At the left end of what can be seen of it.
  const [from, to] = [transform.invertX(0), transform.invertX(width)];
  const seen = events.filter(({ x = 0 }) => x >= from && x <= to);
  const first = seen.sort((a, b) => (a.x ?? 0) - (b.x ?? 0))[0];
  if (!first) return;
  const half = (log.length * 3.5) / transform.k;
  const x = Math.max((first.x ?? 0) - REGION_MARGIN, from + 6 / transform.k + half);
  labels.push({ words: log, x, y: (first.y ?? 0) - REGION_MARGIN, colour: colours.log(number, 1) });
}

function drawLink(context: CanvasRenderingContext2D, { colours, transform }: Scene, link: Link): void {
  const { x: x1 = 0, y: y1 = 0 } = link.source;
  const { x: x2 = 0, y: y2 = 0 } = link.target;
  const pixel = 1 / transform.k;
  context.beginPath();
  context.setLineDash([]);
  if (link.tie === 'conflict') {
    zigzag(context, x1, y1, x2, y2);
    context.strokeStyle = OBSTRUCTION;
    context.lineWidth = 2;
    context.stroke();
    return;
  }
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  if (link.tie === 'judged') context.setLineDash([1, 4]);
  context.strokeStyle =
    link.tie === 'chain' ? colours.soft : link.tie === 'judged' ? colours.line : colours.edge;
  context.globalAlpha = link.tie === 'depends' ? 0.75 : link.tie === 'before' ? 0.5 : 1;
  context.lineWidth = link.tie === 'chain' ? 2 : pixel;
  context.stroke();
  context.globalAlpha = 1;
  context.setLineDash([]);
  if (link.tie === 'depends') arrow(context, x1, y1, x2, y2, colours.edge);
}

/** A line that nobody takes for another one, whatever colours they see. */
function zigzag(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [along, across] = [
    [(x2 - x1) / length, (y2 - y1) / length],
    [-(y2 - y1) / length, (x2 - x1) / length],
  ] as const;
  context.moveTo(x1, y1);
  for (let at = 4, side = 1; at < length - 2; at += 5, side = -side) {
    context.lineTo(x1 + along[0] * at + across[0] * 3 * side, y1 + along[1] * at + across[1] * 3 * side);
  }
  context.lineTo(x2, y2);
}

/** At the end of what is depended on. */
function arrow(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  colour: string,
) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const [x, y] = [x2 - Math.cos(angle) * (EVENT_RADIUS + 2), y2 - Math.sin(angle) * (EVENT_RADIUS + 2)];
  context.beginPath();
  context.moveTo(x, y);
  for (const side of [-1, 1]) {
    context.lineTo(x - Math.cos(angle + side * 0.45) * 6, y - Math.sin(angle + side * 0.45) * 6);
  }
  context.closePath();
  context.fillStyle = colour;
  context.fill();
}

function drawCertificate(context: CanvasRenderingContext2D, scene: Scene, node: CertificateNode): void {
  const { colours, transform, selected } = scene;
  const { x = 0, y = 0, entry } = node;
  const size = CERTIFICATE_RADIUS;
  context.beginPath();
  context.rect(x - size, y - size, size * 2, size * 2);
  context.fillStyle = colours.card;
  context.fill();
  context.strokeStyle = entry.verdict === 'obstruction' ? OBSTRUCTION : colours.ink;
  context.lineWidth = 1.5;
  context.stroke();
  context.beginPath();
  if (entry.verdict === 'obstruction') cross(context, x, y, 3);
  else if (entry.verdict === 'merge') tick(context, x, y);
  else context.rect(x - 1.5, y - 1.5, 3, 3);
  context.stroke();
  ring(context, colours, node === selected, x, y, size + 4);
  const words = `${node.height}${node.more > 0 ? ` +${node.more}` : ''}`;
  // Where they stand close, only some are labelled.
  const every = [1, 5, 20].find((every) => every * scene.spacing * transform.k > words.length * 7) ?? 100;
  if (node.height % every !== 0 && entry.verdict !== 'obstruction' && node !== selected) return;
  text(context, scene, words, x, y - size - 5 / transform.k, colours.soft);
}

function drawEvent(context: CanvasRenderingContext2D, scene: Scene, node: EventNode): void {
  const { colours, numbers, selected } = scene;
  const { x = 0, y = 0 } = node;
  const [first = ''] = node.logs;
  if (node.incidents.size > 0) drawObstruction(context, scene, node);
  else {
    disc(context, x, y, EVENT_RADIUS);
    context.fillStyle = node.state === 'accepted' ? colours.log(numbers.get(first) ?? 0, 1) : colours.card;
    context.fill();
    context.strokeStyle = node.state === 'accepted' ? colours.card : colours.soft;
    context.lineWidth = node.state === 'accepted' ? 1 : 1.5;
    if (node.state === 'quarantined') context.setLineDash([2, 2]);
    context.stroke();
    context.setLineDash([]);
  }
  // In several logs at once: where they overlap.
  if (node.logs.size > 1) {
    disc(context, x, y, EVENT_RADIUS + 3);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.25;
    context.stroke();
  }
  ring(context, colours, node === selected, x, y, EVENT_RADIUS + 6);
}

/** A conflict's event: another colour, and another shape too. */
function drawObstruction(context: CanvasRenderingContext2D, scene: Scene, node: EventNode): void {
  const { x = 0, y = 0 } = node;
  const size = EVENT_RADIUS + 3;
  const flashes = [...node.incidents].some((id) => scene.flashing.has(id));
  if (flashes && scene.flash > 0) {
    disc(context, x, y, size + 2 + scene.flash * 16);
    context.strokeStyle = OBSTRUCTION;
    context.globalAlpha = 1 - scene.flash;
    context.lineWidth = 3;
    context.stroke();
    context.globalAlpha = 1;
  }
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fillStyle = node.state === 'absent' ? scene.colours.card : OBSTRUCTION;
  context.fill();
  context.strokeStyle = OBSTRUCTION;
  context.lineWidth = 2;
  if (node.state === 'absent') context.setLineDash([3, 2]);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  if (node.state === 'absent') return;
  cross(context, x, y, 2.5);
  context.strokeStyle = '#ffffff';
  context.lineWidth = 1.5;
  context.stroke();
}

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size);
  context.lineTo(x - size, y + size);
}

function tick(context: CanvasRenderingContext2D, x: number, y: number): void {
  context.moveTo(x - 3, y);
  context.lineTo(x - 1, y + 3);
  context.lineTo(x + 3.5, y - 3);
}

function ring(
  context: CanvasRenderingContext2D,
  colours: Colours,
  on: boolean,
  x: number,
  y: number,
  radius: number,
): void {
  if (!on) return;
  disc(context, x, y, radius);
  context.strokeStyle = colours.accent;
  context.lineWidth = 2.5;
  context.stroke();
}

/** Text that stays as large however far away the map is, with the paper around it. */
function text(
  context: CanvasRenderingContext2D,
  { colours, transform }: Scene,
  words: string,
  x: number,
  y: number,
  colour: string,
): void {
  context.font = `${11 / transform.k}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.lineJoin = 'round';
  context.strokeStyle = colours.card;
  context.lineWidth = 3 / transform.k;
  context.strokeText(words, x, y);
  context.fillStyle = colour;
  context.fillText(words, x, y);
}
