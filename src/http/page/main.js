import { Confirmation } from './actions.js';
import { ControlBar } from './control.js';
import { byId, setText } from './dom.js';
import { EventList } from './event-list.js';
import { count, duration, when } from './format.js';
import { showLanes } from './lanes.js';
import { LetterActions } from './letter-actions.js';
import { DeadLetterList } from './letters.js';
import { Seen } from './news.js';
import { showHalted, showOrder } from './order.js';
import { ProcessTable } from './processes.js';
import { chooseTheme } from './theme.js';
import { Tiles } from './tiles.js';
import { showVerdict, verdictAt } from './verdict.js';

/** ms between two looks at how old the last reading is. */
const TICK = 500;

const confirmation = new Confirmation();
const deadLetters = new DeadLetterList(confirmation);
const haltActions = new LetterActions(confirmation, () => {});
const control = new ControlBar(confirmation);
const processes = new ProcessTable(control);
const events = new EventList();
const tiles = new Tiles();
const seen = new Seen();
let status;
/** The last verdict of the server, the time of its reading, and when it came. */
let said;
let saidAt = performance.now();
let readAt;
let news = { dead: 0, gaps: 0, missed: false, notes: [] };
let charts;

function showStatus(next) {
  status = next;
  const { group, channel, output, redis, server, source } = status;
  readAt = performance.now();
  said = { verdict: status.verdict, time: status.time };
  saidAt = readAt;
  news = seen.update(status, when);
  notice('');
  setText(byId('group'), group);
  setText(byId('route'), `${source.kind === 'channel' ? '' : `${source.kind} `}${channel} → ${output}`);
  setText(byId('redis'), redis ? `${redis.version ?? 'Redis'} at ${redis.address}` : '');
  setText(byId('server'), `served by ${server.process}, version ${server.version}`);
  tick();
  tiles.show(status, news);
  control.show(status);
  processes.show(status);
  showLanes(status);
  events.show(status);
  showOrder(status.order);
  showHalted(status, haltActions);
  deadLetters.update(status);
}

/** What changes with time alone: how old the reading is, and whether anything is still known. */
function tick() {
  if (readAt !== undefined) {
    const age = Math.round((performance.now() - readAt) / 1_000);
    setText(byId('updated'), `updated ${age < 60 ? `${count(age)} s` : duration(age * 1_000)} ago`);
  }
  const verdict = verdictAt(said, performance.now() - saidAt);
  if (!verdict) return;
  const level = verdict.level === 'good' && news.missed ? 'warn' : verdict.level;
  showVerdict({ ...verdict, level, notes: [...verdict.notes, ...news.notes] }, status?.group ?? '');
  byId('seen').hidden = news.notes.length === 0;
}

function showPoints(points) {
  tiles.setPoints(points);
  if (status) tiles.show(status, news);
}

/** Loads the charts last: figures and tables do not wait for them. */
async function makeCharts() {
  const { Charts } = await import('./charts.js');
  await tiles.drawSparklines();
  return new Charts();
}

/** Draws on the charts. If they could not be loaded, the next start of the events tries again. */
function onCharts(draw) {
  charts ??= makeCharts();
  charts.then(draw).catch(() => {
    charts = undefined;
  });
}

async function showSpan(span) {
  if (span === '24h') {
    const response = await fetch('/api/history?span=24h');
    if (response.ok) {
      const { points } = await response.json();
      onCharts((drawn) => drawn.reset('24h', points));
    }
  }
  onCharts((drawn) => drawn.show(span));
}

/** The status was preloaded with the page. If it fails, the events show why. */
async function showFirstStatus() {
  const response = await fetch('/api/status');
  if (!response.ok) return;
  const first = await response.json();
  if (!status) showStatus(first);
}

function notice(text) {
  setText(byId('notice'), text);
  byId('notice').hidden = text === '';
}

for (const choice of document.querySelectorAll('input[name="span"]'))
  choice.addEventListener('change', () => showSpan(choice.value).catch(() => {}));
byId('seen').addEventListener('click', () => {
  seen.mark();
  news = seen.update(status, when);
  tiles.show(status, news);
  tick();
});

chooseTheme(byId('theme'));
showFirstStatus().catch(() => {});
deadLetters.begin();
setInterval(tick, TICK);
const stream = new EventSource('/api/events');
stream.addEventListener('history', ({ data }) => {
  const points = JSON.parse(data);
  showPoints(points);
  onCharts((drawn) => drawn.reset('15m', points));
  // After a break the minutes in it are missing.
  const { value } = document.querySelector('input[name="span"]:checked');
  if (value === '24h') showSpan(value).catch(() => {});
});
stream.addEventListener('point', ({ data }) => {
  const point = JSON.parse(data);
  tiles.addPoint(point);
  onCharts((drawn) => drawn.add('15m', point));
});
stream.addEventListener('minute', ({ data }) => {
  const point = JSON.parse(data);
  onCharts((drawn) => drawn.add('24h', point));
});
stream.addEventListener('status', ({ data }) => {
  showStatus(JSON.parse(data));
});
stream.addEventListener('trouble', ({ data }) => {
  const { code, verdict } = JSON.parse(data);
  said = { verdict, time: status?.time ?? '' };
  saidAt = performance.now();
  tick();
  notice(
    `The group cannot be read at the moment (${code}); the numbers are those of the last reading. Is Redis up?`,
  );
});
stream.addEventListener('error', () => {
  notice('This process does not answer; the numbers are those of its last answer. Trying again …');
  // After an answer such as 503 the browser does not try again.
  if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5_000);
});
