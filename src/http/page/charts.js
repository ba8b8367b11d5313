import { byId, make, setText } from './dom.js';
import { compact, duration, rate } from './format.js';
import { colourOf, line, Plots } from './plot.js';

const HEIGHT = 170;
/** Points kept, and s that a chart shows. */
const SPANS = { '15m': { most: 900, length: 900 }, '24h': { most: 1_440, length: 86_400 } };
const STEPS = [
  ['waiting', '--in'],
  ['processing', '--out'],
  ['parking', '--late'],
];
const ms = (value) => (value === null ? '–' : duration(value));
const latency = (name) => (point) => point.latency?.[name] ?? null;

/** What is drawn, and where. The least height of an axis keeps a line of zeros at its foot. */
const CHARTS = [
  {
    id: 'rate',
    least: 10,
    show: rate,
    series: [
      { label: 'in', stroke: '--in', value: (point) => point.relayed },
      { label: 'out', stroke: '--out', value: (point) => point.processed },
    ],
  },
  {
    id: 'backlog',
    least: 10,
    show: rate,
    series: [
      { label: 'unsettled', stroke: '--late', value: (point) => point.backlog },
      { label: 'at the source', stroke: '--in', dash: [5, 4], value: (point) => point.waiting },
    ],
  },
  {
    id: 'trouble',
    least: 1,
    show: rate,
    series: [
      { label: 'failed attempts', stroke: '--late', value: (point) => point.failed },
      { label: 'dead letters', stroke: '--wrong', value: (point) => point.dead },
    ],
  },
  {
    id: 'latency',
    least: 1,
    show: ms,
    series: [
      { label: 'p50', stroke: '--out', value: latency('p50') },
      { label: 'p95', stroke: '--in', value: latency('p95') },
      { label: 'p99', stroke: '--late', value: latency('p99') },
    ],
  },
  { id: 'steps', least: 1, show: ms, series: STEPS.flatMap(seriesOfStep) },
];

function seriesOfStep([step, stroke]) {
  const value = (name) => (point) => {
    const seconds = point.steps?.[step]?.[name];
    return seconds === undefined ? null : seconds * 1_000;
  };
  return [
    { label: `${step} p50`, stroke, value: value('p50') },
    { label: `${step} p99`, stroke, dash: [5, 4], value: value('p99') },
  ];
}

/** The charts of the last 15 minutes, or of the last 24 hours. */
export class Charts {
  #span = '15m';
  #points = { '15m': [], '24h': [] };
  #plots;
  /** The text of each line in the legend. */
  #legends = new Map();

  constructor() {
    for (const chart of CHARTS) this.#addLegend(chart);
    const places = CHARTS.map((chart) => ({ ...chart, element: byId(`${chart.id}-chart`), height: HEIGHT }));
    this.#plots = new Plots(places, (place) => this.#plotOf(place));
  }

  /** Replaces the points of a span. */
  reset(span, points) {
    this.#points[span] = points.slice(-SPANS[span].most);
    this.#draw();
  }

  /** Adds a point to a span. */
  add(span, point) {
    const points = this.#points[span];
    points.push(point);
    if (points.length > SPANS[span].most) points.shift();
    if (span === this.#span) this.#draw();
  }

  /** Shows another span. @param {'15m' | '24h'} span */
  show(span) {
    this.#span = span;
    this.#draw();
  }

  get #shown() {
    return this.#points[this.#span];
  }

  #draw() {
    // The steps are known with an order or a record only, and of seconds only.
    byId('steps').hidden = !this.#shown.some(({ steps }) => steps);
    this.#plots.draw((place) => this.#columns(place));
    for (const chart of CHARTS) this.#showLegend(chart, this.#shown.length - 1);
  }

  #columns({ series }) {
    const points = this.#shown;
    return [points.map(({ time }) => time / 1_000), ...series.map(({ value }) => points.map(value))];
  }

  #plotOf(place) {
    const { series, least, show } = place;
    const axis = {
      stroke: colourOf('--quiet'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: colourOf('--line'), width: 1 },
      ticks: { show: false },
    };
    const label = (value) => (show === ms ? (value === 0 ? '0' : duration(value)) : compact(value));
    const options = {
      legend: { show: false },
      // The last label of the axis of times is as wide as this.
      padding: [8, 20, 0, 0],
      cursor: { y: false, sync: { key: 'charts' }, drag: { x: false, y: false } },
      axes: [
        { ...axis, size: 26, space: 64, values: (_, times) => times.map(timeLabel) },
        { ...axis, size: 64, space: 32, values: (_, values) => values.map(label) },
      ],
      scales: {
        x: { time: true, range: () => this.#range() },
        // No value is below 0.
        y: { range: (_, __, most) => [0, Math.max(least, (most ?? 0) * 1.1)] },
      },
      series: [{}, ...series.map((one) => line(one, 1.5))],
      hooks: {
        setCursor: [({ cursor: { idx } }) => this.#showLegend(place, idx ?? this.#shown.length - 1)],
      },
    };
    return { options, data: this.#columns(place) };
  }

  /** The axis has always the same length, however long the process has run. */
  #range() {
    const end = (this.#shown.at(-1)?.time ?? Date.now()) / 1_000;
    return [end - SPANS[this.#span].length, end];
  }

  #addLegend({ id, series }) {
    const list = byId(`${id}-legend`);
    for (const { label, stroke, dash } of series) {
      const sample = make('i', { class: dash ? 'dashed' : '' });
      sample.style.borderColor = `var(${stroke})`;
      const value = make('b');
      const item = make('li', {}, sample, `${label} `, value);
      list.append(item);
      this.#legends.set(`${id} ${label}`, { item, value });
    }
  }

  /** The values of one moment: that of the pointer, or the last. */
  #showLegend({ id, series, show }, at) {
    const point = this.#shown[at];
    for (const { label, value } of series) {
      const { item, value: element } = this.#legends.get(`${id} ${label}`);
      item.hidden = label === 'at the source' && (point?.waiting ?? null) === null;
      setText(element, point ? show(value(point)) : '–');
    }
  }
}

function timeLabel(seconds) {
  const time = new Date(seconds * 1_000);
  return [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}
