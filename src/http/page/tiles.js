import { byId, make, setText } from './dom.js';
import { compact, count, counted, duration, percent, rate } from './format.js';
import { trendOf } from './trend.js';

/** s that a sparkline shows, and its height in pixels. */
const SPARK = { length: 120, height: 34 };
const ARROWS = { up: '▲', down: '▼', steady: '▬' };

const ms = (value) => (value === null || value === undefined ? '–' : duration(value));
const number = (value) => (value === null || value === undefined ? '–' : count(value));

/**
 * The tiles: `value` of a point is drawn; `show` gives the number; `more` a line below it. Both get the last status, the last point
 * and what is new.
 */
const TILES = [
  {
    id: 'in',
    label: 'in',
    stroke: '--in',
    value: (point) => point.relayed,
    show: ({ point }) => [rate(point?.relayed), 'msg/s'],
    more: ({ status: { source } }) =>
      source.kind === 'channel'
        ? 'relayed from the channel'
        : `taken; ${source.waiting === null ? '?' : count(source.waiting)} wait in the ${source.kind}`,
  },
  {
    id: 'out',
    label: 'out',
    stroke: '--out',
    value: (point) => point.processed,
    show: ({ point }) => [rate(point?.processed), 'msg/s'],
    more: ({ status: { counters } }) => `${compact(counters.processed)} processed in all`,
  },
  {
    id: 'backlog',
    label: 'backlog',
    stroke: '--late',
    value: (point) => point.backlog,
    show: ({ status }) => [count(status.backlog), ''],
    more: ({ status: { waiting, pending, retrying, held } }) =>
      `${count(waiting)} waiting, ${count(pending)} pending, ${count(retrying)} retrying` +
      (held > 0 ? `, ${count(held)} behind others of their key` : ''),
  },
  {
    id: 'lag',
    label: 'lag',
    stroke: '--late',
    value: (point) => point.lagMs,
    show: ({ status }) => [status.backlog > status.retrying ? duration(status.lagMs) : 'none', ''],
    more: ({ status: { retries } }) =>
      retries.ageMs > 0 ? `oldest retry ${duration(retries.ageMs)}` : 'oldest that waits or is in work',
  },
  {
    id: 'latency',
    label: 'latency p95',
    stroke: '--in',
    value: (point) => point.latency?.p95 ?? null,
    show: ({ point }) => [ms(point?.latency?.p95), ''],
    more: ({ point }) =>
      point?.latency ? `p50 ${ms(point.latency.p50)}, p99 ${ms(point.latency.p99)}` : 'no results just now',
  },
  {
    id: 'failing',
    label: 'failing',
    stroke: '--late',
    value: (point) => point.failed,
    show: ({ status: { trend } }) => [trend?.failing60 == null ? '–' : percent(trend.failing60), ''],
    more: ({ status: { trend, counters } }) =>
      `${number(trend?.failures60)} in the last minute, ${compact(counters.failed)} in all`,
  },
  {
    id: 'dead-tile',
    label: 'dead letters',
    stroke: '--wrong',
    value: (point) => point.dead,
    show: ({ status }) => [count(status.deadLetters), ''],
    more: ({ status: { counters }, news }) =>
      `${count(news.dead)} new; ${counted(counters.gaps, 'gap')} in all`,
  },
  {
    id: 'size',
    label: 'consumers',
    stroke: '--out',
    value: (point) => point.consumers,
    show: ({ status }) => [count(status.consumers.length), ''],
    more: ({ status: { control, processes } }) => {
      const managed = control.revision > 0 || processes.some((one) => one.managed);
      const wanted = managed ? `${count(control.wanted)} wanted, capacity ${count(control.capacity)}; ` : '';
      return `${wanted}${counted(processes.length, 'process', 'processes')}`;
    },
  },
];

/** The figures, each with its course in the last two minutes and whether it rises. */
export class Tiles {
  #tiles = new Map();
  #points = [];
  #plots;

  constructor() {
    for (const tile of TILES) {
      const parts = {
        value: make('b', { id: tile.id, class: 'value' }),
        unit: make('span'),
        trend: make('span', { class: 'trend' }),
        more: make('small', { id: `${tile.id}-more` }),
        spark: make('div', { class: 'spark', 'aria-hidden': 'true' }),
      };
      const { value, unit, trend, more, spark } = parts;
      const figure = make('dd', {}, value, ' ', unit, ' ', trend, more);
      byId('figures').append(make('div', {}, make('dt', {}, tile.label), figure, spark));
      this.#tiles.set(tile, parts);
    }
  }

  /** Draws the sparklines from now on. The code that draws is loaded last: the figures do not wait for it. */
  async drawSparklines() {
    const { line, Plots } = await import('./plot.js');
    const places = TILES.map((tile) => ({
      ...tile,
      element: this.#tiles.get(tile).spark,
      height: SPARK.height,
    }));
    this.#plots = new Plots(places, (place) => ({
      options: optionsOf(line(place, 1.5)),
      data: this.#columns(place),
    }));
  }

  /** @param points the last ones, the oldest first */
  setPoints(points) {
    this.#points = points.slice(-SPARK.length);
    this.#plots?.draw((place) => this.#columns(place));
    for (const [tile, { trend }] of this.#tiles) showTrend(trend, trendOf(this.#points, tile.value));
  }

  addPoint(point) {
    this.setPoints([...this.#points, point]);
  }

  /** @param status of the group @param news what is new since somebody looked */
  show(status, news) {
    const seen = { status, news, point: this.#points.at(-1) };
    for (const [{ show, more }, parts] of this.#tiles) {
      const [value, unit] = show(seen);
      setText(parts.value, value);
      setText(parts.unit, unit);
      setText(parts.more, more(seen));
    }
  }

  #columns({ value }) {
    return [this.#points.map(({ time }) => time / 1_000), this.#points.map(value)];
  }
}

function optionsOf(series) {
  const end = (plot) => plot.data[0].at(-1) ?? 0;
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [3, 0, 2, 0],
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: true, range: (plot) => [end(plot) - SPARK.length, end(plot)] },
      y: { range: (_, __, most) => [0, Math.max(1, most ?? 0)] },
    },
    series: [{}, series],
  };
}

function showTrend(element, trend) {
  const { direction = '', text = '' } = trend ?? {};
  const shown = direction === '' || direction === 'steady' ? '' : `${ARROWS[direction]} ${text}`;
  setText(element, shown);
  element.dataset.direction = direction;
  if (shown === '') element.removeAttribute('aria-label');
  else element.setAttribute('aria-label', `${direction} ${text} against the minute before`);
}
