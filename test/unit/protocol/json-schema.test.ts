import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseFromGroup } from '../../../src/protocol/from-group.js';
import { parseFromWorker } from '../../../src/protocol/from-worker.js';
import { protocolJsonSchema } from '../../../src/protocol/json-schema.js';

interface JsonSchema {
  readonly properties?: Record<string, JsonSchema>;
  readonly $defs?: Record<string, JsonSchema>;
}

const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const schema = protocolJsonSchema() as JsonSchema;

it('config/worker-protocol.schema.json is what npm run schema makes', () => {
  expect(JSON.parse(file('config/worker-protocol.schema.json'))).toEqual(schema);
});

it('docs/worker-protocol.md names each member of each message', () => {
  const page = file('docs/worker-protocol.md');
  const missing = [...new Set(membersOf(schema))].filter((name) => !page.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

function membersOf({ properties = {}, $defs = {} }: JsonSchema): string[] {
  return [
    ...Object.values($defs).flatMap(membersOf),
    ...Object.entries(properties).flatMap(([name, inner]) => [name, ...membersOf(inner)]),
  ];
}

const transcripts = [...file('docs/worker-protocol.md').matchAll(/^([<>]) (\{.*)$/gm)];

it.each(transcripts.map(([, from, text]) => ({ from, text })))(
  'the transcript has a valid message: $from $text',
  ({ from, text = '' }) => {
    const { kind } = from === '>' ? parseFromGroup(text) : parseFromWorker(text);
    // One transcript shows a message with wrong params.
    const wrong = from === '<' && text.includes('"2m"');
    expect(kind === 'invalid').toBe(wrong);
  },
);
