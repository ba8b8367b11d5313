import UPlot from './uplot.js';

/** A colour of the style sheet as a canvas takes it: a custom property may depend on the theme. */
export function colourOf(name) {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Places of points that have no neighbour: no line shows them. */
function lonely(values, from, to) {
  const found = [];
  for (let i = from; i <= to; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  return found;
}

/** How a line is drawn: with a hole where there is no value. */
export function line({ label, stroke, dash, fill }, width) {
  const colour = colourOf(stroke);
  return {
    label,
    stroke: colour,
    width,
    dash,
    fill: fill ? colourOf(fill) : undefined,
    spanGaps: false,
    points: {
      show: () => false,
      size: 4,
      fill: colour,
      width: 0,
      filter: (plot, series) => {
        const [from, to] = plot.series[0].idxs ?? [0, -1];
        const found = lonely(plot.data[series], from, to);
        return found.length > 0 ? found : null;
      },
    },
  };
}

/**
 * Keeps plots as wide as their places, in the colours of the theme. A place that is hidden has no plot until it is shown.
 */
export class Plots {
  #places;
  #make;
  #plots = new Map();

  /**
   * @param {readonly { element: HTMLElement, height: number }[]} places
   * @param make options and data of the plot of a place, and its width
   */
  constructor(places, make) {
    this.#places = places;
    this.#make = make;
    this.remake();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.remake());
    document.addEventListener('theme', () => this.remake());
    const observer = new ResizeObserver(() => this.#fit());
    for (const { element } of places) observer.observe(element);
  }

  /** Makes all plots anew: a canvas does not follow the style sheet. */
  remake() {
    for (const plot of this.#plots.values()) plot.destroy();
    this.#plots.clear();
    for (const place of this.#places) {
      const { element, height } = place;
      const width = element.clientWidth;
      if (width === 0) continue;
      const { options, data } = this.#make(place);
      this.#plots.set(place, new UPlot({ ...options, width, height }, data, element));
    }
  }

  /** @param data of a place */
  draw(data) {
    for (const [place, plot] of this.#plots) plot.setData(data(place));
  }

  #fit() {
    const isShown = ({ element }) => element.clientWidth > 0;
    if (this.#places.some((place) => isShown(place) !== this.#plots.has(place))) {
      this.remake();
      return;
    }
    for (const [{ element, height }, plot] of this.#plots)
      if (plot.width !== element.clientWidth) plot.setSize({ width: element.clientWidth, height });
  }
}
