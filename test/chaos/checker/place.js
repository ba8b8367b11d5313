import { isDeepStrictEqual } from 'node:util';
import { ENDS_IN, messageBytes, numberIn, sha } from '../messages.js';

/**
 * Where each published message ended up.
 *
 * @typedef {object} Place
 * @property {import('./types.js').Published} published
 * @property {number} results entries in the output
 * @property {number} deadLetters
 * @property {string | undefined} inboxId of the last one
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {import('./findings.js').Findings} findings
 * @returns {Map<number, Place>} by the message's number
 */
export function place({ run, published, output, dead }, findings) {
  const places = new Map(
    published.map((one) => [one.n, { published: one, results: 0, deadLetters: 0, inboxId: undefined }]),
  );
  for (const result of output) placeResult(places, result, run, findings);
  const byHash = new Map(published.map((one) => [one.hash, one.n]));
  for (const letter of dead) placeLetter(places, letter, byHash, findings);
  checkIds([...output, ...dead], findings);

  for (const { published: one, results, deadLetters } of places.values()) {
    if (results > 1) findings.add('doubled', `${one.id} (${results} results)`);
    if (deadLetters > 1) findings.add('doubled', `${one.id} (${deadLetters} dead letters)`);
    if (results > 0 && deadLetters > 0) findings.add('processed and dead', one.id);
  }
  return places;
}

/** No two messages have the same inbox id. */
function checkIds(all, findings) {
  const seen = new Set();
  for (const { inboxId } of all) {
    if (seen.has(inboxId)) findings.add('inbox id given twice', inboxId);
    seen.add(inboxId);
  }
}

function placeResult(places, { id, inboxId, messageId, data }, run, findings) {
  const found = places.get(numberIn(messageId));
  if (found?.published.id !== messageId) {
    findings.add('never published', `output ${id}: ${messageId}`);
    return;
  }
  found.results++;
  found.inboxId = inboxId;
  const { n, kind } = found.published;
  if (endsIn(kind) === 'dead') findings.add('processed, though it cannot be', `${messageId} (${kind})`);
  else if (!contains(data, messageBytes(run, n, kind))) findings.add('altered', `output ${id}: ${messageId}`);
}

function placeLetter(places, { id, inboxId, message, reason }, byHash, findings) {
  const found = places.get(byHash.get(sha(message)));
  if (!found) {
    const known = places.has(numberIn(message.toString('latin1', 0, 200)));
    findings.add(known ? 'altered' : 'never published', `dead letter ${id}`);
    return;
  }
  found.deadLetters++;
  found.inboxId = inboxId;
  const { id: messageId, kind } = found.published;
  if (endsIn(kind) === 'output') findings.add('dead, though it is good', `${messageId} (${reason})`);
}

function endsIn(kind) {
  return ENDS_IN[kind.split(':')[0]];
}

/** Whether a result holds all of the message, as published; the processor may only add. */
function contains(data, bytes) {
  let result;
  try {
    result = JSON.parse(data);
  } catch {
    return false;
  }
  const message = JSON.parse(bytes.toString('utf8'));
  return Object.entries(message).every(([name, value]) => isDeepStrictEqual(result?.[name], value));
}
