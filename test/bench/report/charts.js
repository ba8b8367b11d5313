import { init } from 'echarts';
import { groupBy, median } from './statistics.js';

/** Readable on white and on black, for a page may be either; the ground is transparent. */
const INK = '#737c86';
const RULE = '#8886';
const COLOURS = ['#2f81f7', '#d97706', '#1a9c6c', '#c2528b'];
const FONT = 'system-ui, sans-serif';
const SIZE = { width: 760, height: 340 };

/** The charts that a result can fill: name of the file → SVG. */
export function chartsOf(measures) {
  const charts = Object.entries(OPTIONS).filter(([name]) => measures[name] !== undefined);
  return Object.fromEntries(charts.map(([name, option]) => [name, draw(option(measures[name]))]));
}

const OPTIONS = {
  flood: ({ rounds }) => {
    const names = Object.keys(rounds[0]).filter((who) => who !== 'limit');
    const rates = names.map((who) => Math.round(median(rounds.map((round) => round[who].rate))));
    return {
      ...titled('Messages per second from PUBLISH to output, at full flood, all on one machine'),
      grid: { left: 90, right: 90, top: 50, bottom: 30 },
      xAxis: { type: 'value', ...axis() },
      yAxis: { type: 'category', inverse: true, data: names, ...axis() },
      series: [
        {
          type: 'bar',
          barWidth: '55%',
          data: rates.map((value, i) => ({ value, itemStyle: { color: i === 0 ? COLOURS[0] : INK } })),
          label: {
            show: true,
            position: 'right',
            color: INK,
            formatter: ({ value }) => value.toLocaleString('en'),
          },
        },
      ],
    };
  },

  latency: ({ runs }) => {
    const mine = groupBy(
      runs.filter(({ contender }) => contender === 'cgroup'),
      ({ rate }) => rate,
    );
    const series = [
      ['p50', 'p50'],
      ['p99', 'p99'],
      ['p99.9', 'p999'],
    ];
    return {
      ...titled('Latency from PUBLISH to a reader of the output, ms'),
      ...legend(series.map(([name]) => name)),
      grid: { left: 60, right: 20, top: 80, bottom: 50 },
      xAxis: {
        type: 'category',
        data: [...mine.keys()].map((rate) => `${rate.toLocaleString('en')} msg/s`),
        ...axis(),
      },
      // Bars grow from the bottom: on this axis they would from 1.
      yAxis: { type: 'log', min: 0.1, startValue: 0.1, ...axis() },
      series: series.map(([name, key], i) => ({
        name,
        type: 'bar',
        itemStyle: { color: COLOURS[i] },
        data: [...mine.values()].map((same) => Number(median(same.map((run) => run[key])).toPrecision(3))),
        label: { show: true, position: 'top', color: INK },
      })),
    };
  },

  scaling: ({ runs }) => {
    const works = [...groupBy(runs, ({ work }) => work).entries()];
    const nameOf = (work) => (work === 0 ? 'no work' : `${work} ms of work`);
    return {
      ...titled('Messages per second against the number of consumers'),
      ...legend(works.map(([work]) => nameOf(work))),
      grid: { left: 80, right: 20, top: 80, bottom: 50 },
      xAxis: { type: 'log', logBase: 2, name: 'consumers', nameLocation: 'middle', nameGap: 28, ...axis() },
      yAxis: { type: 'log', ...axis() },
      series: works.map(([work, group], i) => ({
        name: nameOf(work),
        type: 'line',
        itemStyle: { color: COLOURS[i % COLOURS.length] },
        lineStyle: { width: 2 },
        data: [...groupBy(group, ({ size }) => size).entries()].map(([size, same]) => [
          size,
          median(same.map(({ rate }) => rate)),
        ]),
      })),
    };
  },

  soak: (result) => memoryChart('Memory of the process in the soak', 'min', 60_000, result),
  burst: (result) => memoryChart('Memory of the process in and after a burst', 's', 1_000, result),
};

function memoryChart(title, unit, unitMs, { readings }) {
  return {
    ...titled(`${title}, MB`),
    grid: { left: 60, right: 20, top: 50, bottom: 50 },
    xAxis: { type: 'value', name: unit, nameLocation: 'middle', nameGap: 28, ...axis() },
    yAxis: { type: 'value', min: 0, ...axis() },
    series: [
      {
        type: 'line',
        showSymbol: false,
        itemStyle: { color: COLOURS[0] },
        lineStyle: { width: 2 },
        data: readings.map(({ at, rss }) => [at / unitMs, Math.round(rss / 1e6)]),
      },
    ],
  };
}

function titled(text) {
  return {
    title: { text, left: 'center', top: 10, textStyle: { color: INK, fontSize: 15, fontFamily: FONT } },
  };
}

function legend(data) {
  return { legend: { data, top: 38, itemGap: 20, textStyle: { color: INK } } };
}

function axis() {
  return {
    nameTextStyle: { color: INK },
    axisLabel: { color: INK },
    axisLine: { lineStyle: { color: RULE } },
    splitLine: { lineStyle: { color: RULE } },
  };
}

function draw(option) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  chart.setOption({ animation: false, textStyle: { fontFamily: FONT }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
