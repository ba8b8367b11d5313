import UPlot from './uplot.js';

/** 15 minutes, one point a second. */
const POINTS = 900;
const HEIGHT = 180;

/** The charts of the last 15 minutes. All draw the same points. */
export class Charts {
  #points = [];
  #charts = [];
  #places;

  /** @param places [{ element, series: [{ label, stroke, value }] }]; `stroke` is the name of a custom property of CSS */
  constructor(places) {
    this.#places = places;
    this.#make();
    // A canvas does not follow the style sheet: new colours need new charts.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make());
    new ResizeObserver(() => this.#fit()).observe(places[0].element);
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
            // From 0, as no value is below it; up to at least 1, so that the axis has a height when all values are 0.
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
