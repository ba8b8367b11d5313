import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { messageOf } from '../core/errors.js';
import { parseServiceUrl } from '../processor/service/address.js';
import { LARGEST_RESULT } from '../protocol/limits.js';
import type { CheckOptions } from './options.js';
import { TestMessages } from './test-messages.js';

/** Instead of an answer. */
export const UNANSWERED = 'it closed the connection without an answer';

export interface ServiceAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string;
  /** Whether the connection was open before. */
  readonly reused: boolean;
}

/** Calls a web service as the group does. */
export class ServiceClient {
  readonly options: CheckOptions;
  readonly messages: TestMessages;
  readonly #agent: http.Agent;
  readonly #url: string;
  readonly #authorization: string | undefined;
  #last = 0;

  constructor(options: CheckOptions) {
    const { origin, path, authorization } = parseServiceUrl(options.target);
    this.options = options;
    this.messages = new TestMessages(options.message);
    this.#url = origin + path;
    this.#authorization = authorization;
    const agent = this.#url.startsWith('https:') ? https.Agent : http.Agent;
    this.#agent = new agent({ keepAlive: true });
  }

  /** The answer to a body; an error in words if there is none. */
  async post(body: string, headers: Readonly<Record<string, string>> = {}): Promise<ServiceAnswer | string> {
    const { within } = this.options;
    const signal = AbortSignal.timeout(within);
    try {
      const { request } = this.#url.startsWith('https:') ? https : http;
      const sent = request(this.#url, {
        agent: this.#agent,
        method: 'POST',
        signal,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'ce-id': `1764378000000-${++this.#last}`,
          'ce-source': 'check',
          'ce-type': 'cgroup.message',
          'ce-specversion': '1.0',
          'cgroup-attempt': '1',
          'cgroup-deadline-ms': String(within),
          ...(this.#authorization !== undefined && { authorization: this.#authorization }),
          ...headers,
        },
      });
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      return {
        status: answer.statusCode ?? 0,
        body: await textOf(answer),
        location: answer.headers.location ?? '',
        reused: sent.reusedSocket,
      };
    } catch (error) {
      if (signal.aborted) return `no answer came within ${within} ms`;
      return (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? UNANSWERED : messageOf(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of answer.setEncoding('utf8')) {
    text += part;
    if (text.length > LARGEST_RESULT) throw new Error('the answer is larger than 64 MB');
  }
  return text;
}
