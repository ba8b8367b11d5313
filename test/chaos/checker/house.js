/**
 * Checks what does not concern single messages: the counters match, nothing is left over, the list of consumers is
 * right, every process ended as it should, and none logged an unexpected error.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {import('./findings.js').Findings} findings
 */
export function checkHouse(evidence, findings) {
  checkUnsettled(evidence.unsettled, findings);
  checkCounters(evidence, findings);
  checkConsumers(evidence, findings);
  checkSize(evidence, findings);
  for (const { pid, code, signal, doom } of evidence.ends)
    if (!doom && code !== 0) findings.add('process ended badly', `${pid}: ${signal ?? `exit code ${code}`}`);
  for (const line of evidence.stray) findings.add('stray error', line.slice(0, 300));
}

function checkUnsettled({ inbox, pending, retrying }, findings) {
  if (inbox + pending + retrying > 0)
    findings.add('not settled', `${inbox} in the inbox, ${pending} pending, ${retrying} retrying`);
}

function checkCounters({ counters, output, dead, gaps, unsettled, mayStray }, findings) {
  const count = (name) => counters[name] ?? 0;
  const sum = count('processed') + count('dead') + count('lost') + unsettled.inbox;
  if (count('relayed') !== sum)
    findings.add('counters do not add up', `relayed ${count('relayed')}, the others ${sum}`);
  for (const [name, found] of Object.entries({ processed: output, dead, gaps }))
    if (count(name) !== found.length)
      findings.add('counter is wrong', `${name} is ${count(name)}, there are ${found.length}`);
  if (count('packed') !== unsettled.packed)
    findings.add('counter is wrong', `packed is ${count('packed')}, in packs are ${unsettled.packed}`);
  if (count('lost') > 0) findings.add('counted as lost', String(count('lost')));
  if (count('strays') > 0 && !mayStray) findings.add('counted as strays', String(count('strays')));
}

function checkConsumers({ listed, live }, findings) {
  for (const { pid, consumers } of live) {
    const own = listed.filter((id) => id.includes(`-${pid}-`));
    if (own.length !== consumers)
      findings.add('consumer list', `${own.length} of ${consumers} ids of ${pid}`);
  }
  const dead = listed.filter((id) => !live.some(({ pid }) => id.includes(`-${pid}-`)));
  for (const id of dead) findings.add('consumer list', `${id} is no live consumer`);
  if (new Set(listed).size !== listed.length) findings.add('consumer list', 'an id stands there twice');
}

/** The control plane spreads the wanted size evenly. */
function checkSize({ size, live }, findings) {
  if (size === undefined) return;
  const counts = live.map(({ consumers }) => consumers);
  const sum = counts.reduce((a, b) => a + b, 0);
  if (sum !== size) findings.add('size', `${sum} consumers, wanted ${size}`);
  else if (Math.max(...counts) - Math.min(...counts) > 1)
    findings.add('size', `not spread evenly: ${counts.join(', ')}`);
}
