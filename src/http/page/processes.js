import { button, byId, make, row, setText, showCells, showItems, table, tableBody, toggle } from './dom.js';
import { count, counted, duration, rate, roughly } from './format.js';

/** Most processes, and most consumers of one, in the table; the filter finds the others. */
const MOST_PROCESSES = 100;
const MOST_CONSUMERS = 100;
const COLUMNS = [
  ['process', 'id'],
  ['host', ''],
  ['pid', 'number'],
  ['version', ''],
  ['up', 'number'],
  ['role', ''],
  ['heartbeat', 'number'],
  ['msg/s', 'number'],
  ['failed/s', 'number'],
  ['consumers', 'number'],
  ['share', 'number'],
  ['', 'acts'],
];
const CONSUMER_COLUMNS = [
  ['consumer', 'id'],
  ['holds', 'number'],
  ['processed', 'number'],
  ['msg/s', 'number'],
];
const ROLES = {
  leads: 'leads',
  follows: 'follows',
  waits: 'waits for a seat',
  pulls: 'takes',
  none: 'no bridge',
};
/** Stands for consumers whose process is not known: it has another version, or has ended. */
const UNKNOWN = '';

/** The processes of the group, each of which opens to its consumers. */
export class ProcessTable {
  #status;
  #open = new Set();
  #table = table(COLUMNS, { id: 'processes' });
  #actions;

  /** @param actions of {@link Actions} */
  constructor(actions) {
    this.#actions = actions;
    byId('processes-table').append(this.#table);
    byId('filter').addEventListener('input', () => this.#draw());
  }

  /** @param status of the group */
  show(status) {
    this.#status = status;
    this.#draw();
  }

  #draw() {
    if (!this.#status) return;
    const { processes, consumers } = this.#status;
    const wanted = byId('filter').value.trim().toLowerCase();
    const has = (...texts) => texts.some((text) => text.toLowerCase().includes(wanted));
    const byProcess = new Map(processes.map((one) => [one.id, []]));
    for (const one of consumers) {
      const of = byProcess.has(one.process) ? one.process : UNKNOWN;
      byProcess.set(of, [...(byProcess.get(of) ?? []), one]);
    }
    const known = new Map(processes.map((one) => [one.id, one]));
    const found = [];
    for (const [id, own] of byProcess) {
      const process = known.get(id);
      const whole = wanted === '' || has(id, process?.host ?? '');
      const matching = whole ? own : own.filter((one) => has(one.id, one.host));
      // Who looks for a consumer wants to see it.
      if (whole || matching.length > 0) found.push({ id, process, own: matching, opens: !whole });
    }
    const shown = found.slice(0, MOST_PROCESSES);
    showItems(this.#table, shown, {
      key: ({ id }) => id,
      create: (item) => this.#rowsOf(item),
      update: (body, item) => this.#update(body, item),
    });
    const of = found.length === shown.length ? '' : ` of ${count(found.length)}`;
    const few = found.reduce((sum, { own }) => sum + own.length, 0);
    setText(
      byId('processes-shown'),
      `${counted(shown.length, 'process', 'processes')}${of}, ${counted(few, 'consumer')}`,
    );
  }

  /** The line of a process, and the table of its consumers. */
  #rowsOf({ id }) {
    const line = row(COLUMNS);
    const consumers = table(CONSUMER_COLUMNS);
    consumers.append(tableBody());
    const note = make('p', { class: 'hint' });
    const cell = make('td', { role: 'cell', colspan: String(COLUMNS.length) }, consumers, note);
    const inside = make('tr', { role: 'row', class: 'inside', hidden: '' }, cell);
    const opener = button(id === UNKNOWN ? 'not known' : id, () => {
      if (toggle(opener, inside)) this.#open.add(id);
      else this.#open.delete(id);
      this.#draw();
    });
    opener.className = 'opener';
    opener.setAttribute('aria-expanded', 'false');
    line.firstElementChild.append(opener);
    return tableBody({}, line, inside);
  }

  #update(body, { id, process, own, opens }) {
    const [line, inside] = body.children;
    const [opener] = line.firstElementChild.children;
    const open = opens || this.#open.has(id);
    toggle(opener, inside, open);
    if (process) this.#showProcess(line, process);
    else setText(line.children[9], count(own.length));
    if (!open) return;
    const sorted = [...own].sort((a, b) => b.pending - a.pending || (a.id < b.id ? -1 : 1));
    const [inner, note] = inside.firstElementChild.children;
    showItems(inner.tBodies[0], sorted.slice(0, MOST_CONSUMERS), {
      key: (one) => one.id,
      create: () => row(CONSUMER_COLUMNS),
      update: (element, one) =>
        showCells(element, [one.id, count(one.pending), count(one.processed), rate(one.rate)]),
    });
    const rest = sorted.length - MOST_CONSUMERS;
    setText(note, rest > 0 ? `and ${counted(rest, 'more consumer')}: the filter finds them` : '');
  }

  #showProcess(line, process) {
    const { host, pid, version, uptimeMs, beatAgeMs, silent, consumers, stalled, managed, share } = process;
    const stopped = stalled > 0 ? ` (${count(stalled)} cannot run)` : '';
    const role = process.recordAway ? `${ROLES[process.role]}; record away` : ROLES[process.role];
    const cells = [
      host,
      String(pid),
      version ?? '–',
      uptimeMs === null ? '–' : roughly(uptimeMs),
      role,
      silent ? `silent for ${duration(beatAgeMs)}` : `${duration(beatAgeMs)} ago`,
      rate(process.rate),
      rate(process.failRate),
      `${count(consumers)}${stopped}`,
      managed
        ? `${count(share ?? 0)} of ${count(process.capacity)}${process.drained ? ', drained' : ''}`
        : 'fixed',
    ];
    cells.forEach((text, at) => {
      setText(line.children[at + 1], text);
    });
    line.classList.toggle('silent', silent || process.recordAway || stalled > 0);
    this.#actions.showDrain(line.lastElementChild, process, this.#status);
  }
}
