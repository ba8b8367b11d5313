import { messageOf } from '../core/errors.js';
import { maskUrls } from '../log/redaction.js';

/** Causes that are named, one of the other, and parts of an error that has several. */
const MOST_CAUSES = 4;

/**
 * What a processor threw, as text, with its causes: `TypeError: fetch failed (cause: connect ECONNREFUSED 127.0.0.1:80)`. Never throws,
 * even if the value does. URLs have no secrets.
 */
export function errorText(error: unknown): string {
  const causes: string[] = [];
  addCauses(error, causes);
  const text = causes.length === 0 ? named(error) : `${named(error)} (cause: ${causes.join('; ')})`;
  return maskUrls(text);
}

function addCauses(error: unknown, causes: string[]): void {
  for (const cause of causesOf(error)) {
    if (causes.length === MOST_CAUSES) return;
    const text = named(cause);
    // Some libraries say the same twice; and an error may be its own cause.
    if (causes.includes(text)) continue;
    causes.push(text);
    addCauses(cause, causes);
  }
}

/** What an error says that it comes from. */
function causesOf(error: unknown): unknown[] {
  try {
    if (!(error instanceof Error)) return [];
    const parts = error instanceof AggregateError ? error.errors.slice(0, MOST_CAUSES) : [];
    return error.cause === undefined || error.cause === null ? parts : [error.cause, ...parts];
  } catch {
    return [];
  }
}

function named(error: unknown): string {
  try {
    if (error instanceof Error && error.name !== 'Error') return `${error.name}: ${error.message}`;
  } catch {
    // messageOf says so
  }
  return messageOf(error);
}
