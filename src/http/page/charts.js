import UPlot from './uplot.js';

/** Points kept: 15 minutes, one a second. */
const POINTS = 900;
const HEIGHT = 180;

/** Charts of the last 15 minutes, drawn from the same points. */
export class Charts {
  #points = [];
  #charts = [];
  #places;

  /** @param places [{ element, series: [{ label, stroke, value }] }]; strokes are custom properties */
  constructor(places) {
    this.#places = places;
    this.#make();
    // Canvases know nothing of style sheets: other colours take other charts.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make());
    new ResizeObserver(() => this.#fit()).observe(places[0].element);
  }

  get points() {
    return this.#points;
  }

  /** In place of all that there was. */
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
    for (const chart of this.#charts) chart.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    };
    this.#charts = this.#places.map(
      ({ element, series }) =>
        new UPlot(
          {
            width: element.clientWidth,
            height: HEIGHT,
            cursor: { y: false },
            axes: [axis, { ...axis, size: 60 }],
            // Nothing lies below 0, and a quiet group is no reason for an axis without height.
            scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
            series: [
              {},
              ...series.map(({ label, stroke }) => ({
                label,
                stroke: colour(stroke),
                width: 2,
                points: { show: false },
              })),
            ],
          },
          this.#columns(series),
          element,
        ),
    );
  }

  #columns(series) {
    return [
      this.#points.map(({ time }) => time / 1_000),
      ...series.map(({ value }) => this.#points.map(value)),
    ];
  }

  #draw() {
    this.#charts.forEach((chart, at) => {
      chart.setData(this.#columns(this.#places[at].series));
    });
  }

  #fit() {
    this.#charts.forEach((chart, at) => {
      chart.setSize({ width: this.#places[at].element.clientWidth, height: HEIGHT });
    });
  }
}
