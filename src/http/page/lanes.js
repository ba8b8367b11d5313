import { byId, showRows, tableIn } from './dom.js';
import { count, duration } from './format.js';

const COLUMNS = [
  ['output', 'id'],
  ['node', ''],
  ['relayed', 'number'],
  ['processed', 'number'],
  ['backlog', 'number'],
  ['lag', 'number'],
];

const body = tableIn(byId('lanes-table'), COLUMNS, 'lanes');

/** Shows the lanes of a group. Only a group with several has any. */
export function showLanes({ lanes = [] }) {
  byId('lanes-section').hidden = lanes.length === 0;
  const rows = lanes.map(({ output, node, relayed, processed, backlog, lagMs }) => [
    output,
    node ?? 'away',
    ...(node === null
      ? ['–', '–', '–', '–']
      : [count(relayed), count(processed), count(backlog), backlog === 0 ? 'none' : duration(lagMs)]),
  ]);
  showRows(body, rows, COLUMNS);
}
