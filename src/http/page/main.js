import { count, counted, duration, when } from './format.js';
import { DeadLetterTable } from './letters.js';
import { showOrder } from './order.js';
import { byId, setText, showRows } from './tables.js';

/** Most consumers in the table; the filter finds the others. */
const MOST_CONSUMERS = 100;
/** Most processes in the table. */
const MOST_PROCESSES = 100;
/** The steps of a message, and the colours of their lines. */
const STEPS = [
  ['waiting', '--in'],
  ['processing', '--out'],
  ['parking', '--lag'],
];

const show = (id, text) => setText(byId(id), text);

const deadLetters = new DeadLetterTable();
let status;
let charts;

function showStatus(news) {
  status = news;
  notice('');
  const { counters, consumers, bridges, gaps } = status;
  showVerdict(status.verdict);
  show('group', status.group);
  show('route', `${status.channel} → ${status.output}`);
  show('backlog', count(status.backlog));
  show(
    'backlog-parts',
    `${count(status.waiting)} waiting, ${count(status.pending)} pending, ${count(status.retrying)} retrying` +
      (status.held > 0 ? `, ${count(status.held)} behind others of their key` : ''),
  );
  show('lag', status.backlog === 0 ? 'none' : duration(status.lagMs));
  show('consumer-count', count(consumers.length));
  show('retried', count(counters.retried));
  show('failed', counted(counters.failed, 'failed attempt'));
  show('dead-count', count(status.deadLetters));
  show('dead-parts', `${count(counters.purged)} purged, ${count(counters.revived)} sent back`);
  show('gap-count', count(counters.gaps));
  showRelaying(bridges);
  showLanes();
  showProcesses();
  showConsumers();
  const newest = gaps.map(({ from, to, reason }) => [when(from), when(to), reason]).reverse();
  showRows(byId('gaps'), newest, ['', '', 'text']);
  byId('gaps').closest('.scroll').hidden = gaps.length === 0;
  if (gaps.length > 0) show('gaps-shown', `the newest ${count(gaps.length)} of ${count(counters.gaps)}`);
  showOrder(status.order);
  showHalted();
  deadLetters.update(status);
}

/** What stops an order (onDead halt). */
function showHalted() {
  const { halted, haltedCount } = status;
  byId('halted-section').hidden = haltedCount === 0;
  const rows = halted.map(({ deadId, inboxId, key }) => [
    deadId === '' ? 'tried again' : deadId,
    inboxId,
    key === null ? 'all later results' : `the messages of the key ${key}`,
  ]);
  showRows(byId('halted'), rows, ['id', 'id', 'text']);
  if (halted.length < haltedCount)
    show('halted-shown', `the first ${count(halted.length)} of ${count(haltedCount)}`);
  else show('halted-shown', '');
}

/** @param verdict how the group is: the server says it */
function showVerdict({ level, title, notes }) {
  document.title = `${title} – cgroup ${status?.group ?? ''}`;
  // Screen readers read changes aloud: leave what is the same untouched.
  byId('verdict').dataset.level = level;
  show('verdict-title', title);
  const list = byId('verdict-notes');
  while (list.children.length > notes.length) list.lastElementChild.remove();
  while (list.children.length < notes.length) list.append(document.createElement('li'));
  notes.forEach((note, at) => {
    setText(list.children[at], note);
  });
}

/** Who relays: the bridges, or the processes that take messages from a list or a stream. */
function showRelaying(bridges) {
  const { source, processes, leader } = status;
  if (source.kind === 'channel') {
    show('bridges-title', 'Bridges');
    showRows(byId('bridges'), bridgeRows(bridges, leader), ['id', '']);
    return;
  }
  const waiting = source.waiting === null ? '' : ` (${count(source.waiting)} waiting)`;
  show('bridges-title', source.kind === 'list' ? `List${waiting}` : `Stream${waiting}`);
  const rows = processes.filter(({ pulls }) => pulls).map(({ id }) => [id, 'takes']);
  const none = ['none', 'nothing is taken from it: cgroup start'];
  showRows(byId('bridges'), rows.length > 0 ? rows : [none], ['id', '']);
}

function bridgeRows(bridges, leader) {
  const rows = bridges.map(({ id, leads }) => [id, leads ? 'leads' : 'follows']);
  // A leader whose subscription has ended still relays what it received; it has no seat any more.
  if (leader !== null && !bridges.some(({ leads }) => leads)) rows.unshift([leader, 'leads']);
  return rows.length > 0 ? rows : [['none', 'nothing is relayed: cgroup start']];
}

/** Only a group with several has any. */
function showLanes() {
  const { lanes = [] } = status;
  byId('lanes-section').hidden = lanes.length === 0;
  const rows = lanes.map(({ output, node, relayed, processed, backlog, lagMs }) => [
    output,
    node ?? 'away',
    ...[relayed, processed, backlog].map(count),
    backlog === 0 ? 'none' : duration(lagMs),
  ]);
  showRows(byId('lanes'), rows, ['id', '', 'number', 'number', 'number', 'number']);
}

function showProcesses() {
  const { control, processes } = status;
  const { wanted, running, capacity } = control;
  const used = control.revision > 0 || processes.some(({ managed }) => managed);
  show('consumer-parts', used ? `${count(wanted)} wanted, capacity ${count(capacity)}` : '');
  const rule = control.autoscale;
  const parts = [`${count(wanted)} wanted, ${count(running)} run, capacity ${count(capacity)}`];
  if (rule) parts.push(`autoscale ${count(rule.min)} to ${count(rule.max)}`);
  if (control.drained.length > 0) parts.push(`drained: ${control.drained.join(', ')}`);
  if (control.paused) parts.push('paused');
  show('control', used ? parts.join('; ') : 'all have a fixed number of consumers');
  const rows = processes
    .slice(0, MOST_PROCESSES)
    .map((one) => [
      one.id,
      one.host,
      String(one.pid),
      one.managed ? `${count(one.share ?? 0)}${one.drained ? ' (drained)' : ''}` : 'fixed',
      count(one.consumers),
      count(one.capacity),
    ]);
  showRows(byId('processes'), rows, ['id', '', 'number', '', 'number', 'number']);
}

function showConsumers() {
  const wanted = byId('filter').value.trim().toLowerCase();
  const found = status.consumers
    .filter(({ id, host }) => wanted === '' || `${id} ${host}`.toLowerCase().includes(wanted))
    .sort((a, b) => b.pending - a.pending || (a.id < b.id ? -1 : 1));
  const rows = found
    .slice(0, MOST_CONSUMERS)
    .map(({ id, host, pid, pending, processed }) => [
      id,
      host,
      String(pid),
      count(pending),
      count(processed),
    ]);
  showRows(byId('consumers'), rows, ['id', '', 'number', 'number', 'number']);
  show(
    'consumers-shown',
    `${count(rows.length)} of ${count(status.consumers.length)} shown, sorted by messages held`,
  );
}

function showPoint({ relayed, processed, lagMs }) {
  if (relayed === null) return;
  show('rate-in', count(relayed));
  show('rate-out', count(processed));
  show('rate-caption', `(now ${count(relayed)} relayed, ${count(processed)} processed)`);
  show('lag-caption', `(now ${duration(lagMs)})`);
}

/** Loads the charts last: figures and tables do not wait for them. */
async function drawCharts() {
  const { Charts } = await import('./charts.js');
  return new Charts([
    {
      element: byId('rate-chart'),
      series: [
        { label: 'relayed', stroke: '--in', value: (point) => point.relayed },
        { label: 'processed', stroke: '--out', value: (point) => point.processed },
      ],
    },
    {
      element: byId('lag-chart'),
      series: [
        { label: 'lag', stroke: '--lag', value: ({ lagMs }) => (lagMs === null ? null : lagMs / 1_000) },
      ],
    },
    { element: byId('steps-chart'), least: 0.01, series: STEPS.flatMap(seriesOfStep) },
  ]);
}

function seriesOfStep([step, stroke]) {
  return [
    { label: `${step} p50`, stroke, value: ({ steps }) => steps?.[step]?.p50 ?? null },
    { label: `${step} p99`, stroke, dash: [6, 4], value: ({ steps }) => steps?.[step]?.p99 ?? null },
  ];
}

/** Shows the chart of the steps once there are some: results have them with an order or a record only. */
function showSteps(points) {
  const newest = points.findLast(({ steps }) => steps)?.steps;
  if (!newest) return;
  byId('steps').hidden = false;
  const parts = STEPS.filter(([step]) => newest[step]).map(
    ([step]) => `${step} ${duration(newest[step].p50 * 1_000)}, ${duration(newest[step].p99 * 1_000)}`,
  );
  show('steps-caption', `(last p50, p99: ${parts.join('; ')})`);
}

/** Draws on the charts. If they could not be loaded, the next start of the events tries again. */
function onCharts(draw) {
  charts?.then(draw).catch(() => {
    charts = undefined;
  });
}

/** The status was preloaded with the page. If it fails, the events show why. */
async function showFirstStatus() {
  const response = await fetch('/api/status');
  if (!response.ok) return;
  const first = await response.json();
  if (!status) showStatus(first);
}

function notice(text) {
  show('notice', text);
  byId('notice').hidden = text === '';
}

byId('filter').addEventListener('input', () => {
  if (status) showConsumers();
});

showFirstStatus().catch(() => {});
deadLetters.begin();
const events = new EventSource('/api/events');
events.addEventListener('history', ({ data }) => {
  const points = JSON.parse(data);
  charts ??= drawCharts();
  onCharts((drawn) => drawn.reset(points));
  if (points.length > 0) showPoint(points.at(-1));
  showSteps(points);
});
events.addEventListener('point', ({ data }) => {
  const point = JSON.parse(data);
  onCharts((drawn) => drawn.add(point));
  showPoint(point);
  showSteps([point]);
});
events.addEventListener('status', ({ data }) => {
  showStatus(JSON.parse(data));
});
events.addEventListener('trouble', ({ data }) => {
  const { code, verdict } = JSON.parse(data);
  showVerdict(verdict);
  notice(
    `The group cannot be read at the moment (${code}); the numbers are those of the last reading. Is Redis up?`,
  );
});
events.addEventListener('error', () => {
  notice('This process does not answer; the numbers are those of its last answer. Trying again …');
  // After an answer such as 503 the browser does not try again.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5_000);
});
