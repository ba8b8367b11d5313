// Writes the JSON schemas of the config file and of the worker protocol, from the built package.
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../dist/cli/settings/documents.js';
import { protocolJsonSchema } from '../dist/protocol/json-schema.js';

const schemas = {
  'schema.json': configJsonSchema(),
  'worker-protocol.schema.json': protocolJsonSchema(),
};
for (const [name, schema] of Object.entries(schemas))
  writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
