import UPlot from './uplot.js';

/** 15 minutes, one point a second. */
const POINTS = 900;
const HEIGHT = 180;

/** The charts of the last 15 minutes. All draw the same points. A chart whose place is hidden is made when the place is shown. */
export class Charts {
  #points = [];
  #charts = new Map();
  #places;

  /**
   * @param places [{ element, least, series: [{ label, stroke, dash, value }] }]; `least` is the least height of the axis, 1 if left out;
   *   `stroke` is the name of a custom property of CSS, `dash` an optional pattern of the line; a value may be null
   */
  constructor(places) {
    this.#places = places;
    this.#make();
    // A canvas does not follow the style sheet: new colours need new charts.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make());
    const observer = new ResizeObserver(() => this.#fit());
    for (const { element } of places) observer.observe(element);
  }

  /** Replaces all points. */
  reset(points) {
    this.#points = points.slice(-POINTS);
    this.#draw();
  }

  add(point) {
    this.#points.push(point);
    if (this.#points.length > POINTS) this.#points.shift();
    this.#draw();
  }

  #make() {
    for (const chart of this.#charts.values()) chart.destroy();
    this.#charts.clear();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    };
    for (const place of this.#places) {
      const { element, series, least = 1 } = place;
      if (element.clientWidth === 0) continue;
      const options = {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { y: false },
        axes: [axis, { ...axis, size: 60 }],
        // From 0, as no value is below it; up to `least`, so that the axis has a height when all values are 0.
        scales: { y: { range: (_, __, most) => [0, Math.max(least, most * 1.1)] } },
        series: [
          {},
          ...series.map(({ label, stroke, dash }) => ({
            label,
            stroke: colour(stroke),
            dash,
            width: 2,
            spanGaps: true,
            points: { show: false },
          })),
        ],
      };
      this.#charts.set(place, new UPlot(options, this.#columns(series), element));
    }
  }

  #columns(series) {
    return [
      this.#points.map(({ time }) => time / 1_000),
      ...series.map(({ value }) => this.#points.map(value)),
    ];
  }

  #draw() {
    for (const [{ series }, chart] of this.#charts) chart.setData(this.#columns(series));
  }

  #fit() {
    const isShown = ({ element }) => element.clientWidth > 0;
    if (this.#places.some((place) => isShown(place) !== this.#charts.has(place))) this.#make();
    else
      for (const [{ element }, chart] of this.#charts)
        chart.setSize({ width: element.clientWidth, height: HEIGHT });
  }
}
