// A worker on stdin and stdout that is wrong in one way, named by its argument: `good` for in no way.
import { StringDecoder } from 'node:string_decoder';

const [fault = 'good'] = process.argv.slice(2);
const is = (name) => fault === name;
const print = (text) => process.stdout.write(`${text}\n`);
const send = (message) => print(JSON.stringify({ jsonrpc: '2.0', ...message }));
const decoder = new StringDecoder(is('latin1') ? 'latin1' : 'utf8');
let rest = '';
let busy = 0;

if (is('prints')) print('worker is ready');
if (is('wrong hello')) send({ id: 1, method: 'hello', params: { name: 'w', concurrency: 0, protocol: 1 } });
if (is('hello')) send({ id: 1, method: 'hello', params: { name: 'w', concurrency: 3, protocol: 1 } });
if (is('credit')) send({ id: 1, method: 'hello', params: { name: 'w', concurrency: 5, protocol: 1 } });
if (is('exits')) process.exit(3);

function answer(id, result) {
  if (is('silent')) return;
  if (is('wrong id')) return send({ id: `${id}0`, result });
  if (is('number id')) return send({ id: Number(String(id).split('/')[1]), result });
  if (is('null')) return send({ id, result: null });
  if (is('fails')) return send({ id, error: { code: 1, message: 'no such order' } });
  if (is('late twice')) setTimeout(() => send({ id, result }), 100);
  send({ id, result });
  if (is('twice')) send({ id, result });
}

function take(line) {
  if (is('breaks at cancel') && line.includes('"cancel"')) process.exit(1);
  let message;
  try {
    message = JSON.parse(line);
  } catch (error) {
    if (is('dies of lines')) throw error;
    if (is('complains')) send({ id: null, error: { code: -32_700, message: 'no JSON' } });
    return;
  }
  const { id, method, params } = message;
  if (method === 'process') {
    if (is('strict') && Object.keys(params).some((name) => name === 'later'))
      throw new Error('unknown member');
    if (is('credit') && busy > 0) return;
    busy++;
    // Long enough for the deliveries of one moment to come.
    setTimeout(
      () => {
        busy--;
        if (params.message.fail)
          send({ id, error: { code: -32_000, message: 'it must fail', data: { dead: true } } });
        else answer(id, params.message);
      },
      is('credit') ? 50 : 0,
    );
  } else if (is('takes all requests') && id !== undefined) send({ id, result: null });
  else if (is('complains') && id !== undefined && method)
    send({ id, error: { code: -32_601, message: 'no method' } });
  else if (is('crashes') && !['cancel', 'quiet', undefined].includes(method))
    throw new Error(`method ${method}`);
  else if (is('stops at quiet') && method === 'quiet') process.stdin.pause();
}

process.stdin.on('data', (chunk) => {
  if (is('no buffer')) return String(chunk).split('\n').filter(Boolean).forEach(take);
  const lines = (rest + decoder.write(chunk)).split('\n');
  rest = lines.pop();
  if (is('short lines')) rest = rest.slice(0, 100_000);
  lines.forEach(take);
});
if (is('stays')) setInterval(() => {}, 1_000);
