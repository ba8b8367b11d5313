import { init } from 'echarts';
import { spreadText, whole } from './format.js';
import { groupBy, median, spread } from './statistics.js';

/** Readable on white and on black: the background is transparent. */
const INK = '#737c86';
const RULE = '#8886';
const COLOURS = ['#2f81f7', '#d97706', '#1a9c6c', '#c2528b'];
const FONT = 'system-ui, sans-serif';
/** Half the width of the ends of a whisker. */
const CAP = 5;
const TITLES = { bullmq: 'BullMQ', 'bee-queue': 'Bee-Queue', tutorial: 'tutorial loop' };
const SIZE = { width: 760, height: 340 };

/** The charts that a result can fill: name of the file → SVG. */
export function chartsOf(measures) {
  const charts = Object.entries(OPTIONS).filter(([name]) => measures[name] !== undefined);
  return Object.fromEntries(charts.map(([name, option]) => [name, draw(option(measures[name]))]));
}

const OPTIONS = {
  flood: ({ rounds }) => {
    const names = Object.keys(rounds[0]).filter((who) => who !== 'limit');
    const rates = names.map((who) => spread(rounds.map((round) => round[who].rate)));
    return {
      ...titled('Messages per second from PUBLISH to output at full flood: median, least and most'),
      grid: { left: 130, right: 190, top: 50, bottom: 30 },
      xAxis: { type: 'value', ...axis(), splitLine: { show: false } },
      yAxis: { type: 'category', inverse: true, data: names.map((who) => TITLES[who] ?? who), ...axis() },
      series: [
        {
          type: 'bar',
          barWidth: '55%',
          data: rates.map(({ median }, i) => ({
            value: median,
            itemStyle: { color: i === 0 ? COLOURS[0] : INK },
          })),
          label: {
            show: true,
            position: 'right',
            color: INK,
            formatter: ({ dataIndex }) => spreadText(rates[dataIndex], whole),
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
    const bars = [
      ['p50', 'p50'],
      ['p99', 'p99'],
      ['p99.9', 'p999'],
    ].map(([name, key]) => [name, [...mine.values()].map((same) => spread(same.map((run) => run[key])))]);
    return {
      ...titled('Latency of cgroup from PUBLISH to a reader of the output, ms: median, least and most'),
      ...legend(bars.map(([name]) => name)),
      grid: { left: 60, right: 20, top: 80, bottom: 30 },
      xAxis: {
        type: 'category',
        data: [...mine.keys()].map((rate) => `${rate.toLocaleString('en')} msg/s`),
        ...axis(),
      },
      // Bars grow from the bottom; on this axis they would grow from 1.
      yAxis: { type: 'log', min: 0.1, startValue: 0.1, ...axis() },
      series: bars.flatMap(([name, spreads], i) => [
        {
          name,
          type: 'bar',
          itemStyle: { color: COLOURS[i] },
          data: spreads.map(({ median }) => Number(median.toPrecision(3))),
          label: { show: true, position: 'insideBottom', color: '#fff' },
        },
        whiskers(spreads, i, bars.length),
      ]),
    };
  },

  scaling: ({ runs }) => {
    const works = [...groupBy(runs, ({ work }) => work).entries()];
    const nameOf = (work) => (work === 0 ? 'no work' : `${work} ms of work`);
    return {
      ...titled('Messages per second against the number of consumers (both scales logarithmic)'),
      ...legend(works.map(([work]) => nameOf(work))),
      grid: { left: 80, right: 20, top: 80, bottom: 50 },
      xAxis: { type: 'log', logBase: 2, name: 'consumers', nameLocation: 'middle', nameGap: 28, ...axis() },
      yAxis: { type: 'log', ...axis() },
      series: works.map(([work, group], i) => ({
        name: nameOf(work),
        type: 'line',
        symbol: 'circle',
        symbolSize: 6,
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

/** Lines from the least to the most, over the bars number `i` of `count` beside each other in each category. */
function whiskers(spreads, i, count) {
  return {
    type: 'custom',
    silent: true,
    z: 3,
    data: spreads.map(({ least, most }, category) => [category, least, most]),
    renderItem: (_, api) => {
      const x = api.coord([api.value(0), 1])[0] + api.barLayout({ count })[i].offsetCenter;
      const [top, bottom] = [2, 1].map((value) => api.coord([0, api.value(value)])[1]);
      const line = (x1, y1, x2, y2) => ({
        type: 'line',
        shape: { x1, y1, x2, y2 },
        style: { stroke: INK, lineWidth: 1.5 },
      });
      return {
        type: 'group',
        children: [line(x, top, x, bottom), ...[top, bottom].map((y) => line(x - CAP, y, x + CAP, y))],
      };
    },
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
