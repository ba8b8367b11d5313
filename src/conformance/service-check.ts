import { messageOf } from '../core/errors.js';
import type { CheckOptions } from './options.js';
import {
  fine,
  GIVE_MESSAGE,
  NOT_CHECKED,
  OR_GIVE_MESSAGE,
  remark,
  UNTRIED,
  type Verdict,
  type WorkerFinding,
  wrong,
} from './report.js';
import { type ServiceAnswer, ServiceClient, UNANSWERED } from './service-client.js';
import { changedDigits, changedTexts } from './test-messages.js';

const AT_ONCE = 10;
const NEVER = 'such a message is never processed';
/** Of an answer, in texts. */
const SHOWN = 200;

/** Checks a web service as the group calls it. */
export async function checkService(options: CheckOptions): Promise<WorkerFinding[]> {
  const service = new ServiceClient(options);
  const findings: WorkerFinding[] = [];
  try {
    for (const [check, run] of CASES) {
      const stop = findings[0]?.status === 'wrong';
      findings.push({ check, ...(stop ? NOT_CHECKED : await run(service)) });
    }
  } finally {
    service.close();
  }
  return findings;
}

/** Why the group would not take an answer as a result; undefined if it would. */
function problemOf(answer: ServiceAnswer | string): string | undefined {
  if (typeof answer === 'string') return answer;
  const { status, body, location } = answer;
  if (status === 204) return undefined;
  if (status >= 300 && status < 400) return `it answers ${status}, and points to ${location || 'no place'}`;
  if (status < 200 || status > 299) return `it answers ${status}: ${body.slice(0, SHOWN)}`;
  try {
    JSON.parse(body);
    return undefined;
  } catch (error) {
    return `it answers ${status}, but its body is no JSON (${messageOf(error)})`;
  }
}

const ANSWER = 'answer with 200 and JSON, or with 204 to keep the message as it is';

async function takes(
  service: ServiceClient,
  what: string,
  body: string,
  advice: string,
  headers = {},
): Promise<Verdict> {
  const answer = await service.post(body, headers);
  const problem = problemOf(answer);
  return problem === undefined ? fine(`it takes ${what}`) : wrong(`${what}: ${problem}`, NEVER, advice);
}

type ServiceCase = readonly [check: string, run: (service: ServiceClient) => Promise<Verdict>];

const CASES: readonly ServiceCase[] = [
  [
    'a message',
    async (service) => {
      const answer = await service.post(service.messages.plain());
      const problem = problemOf(answer);
      if (problem === undefined) return fine('it answers a message');
      if (typeof answer === 'string')
        return wrong(
          problem,
          'no message is processed',
          answer === UNANSWERED
            ? `look for an error in the log of the service; ${OR_GIVE_MESSAGE}`
            : 'start the service, and look at its URL and its log',
        );
      const { status, location } = answer;
      if (status >= 300 && status < 400)
        return wrong(problem, 'redirects are not followed: each attempt fails', `give the URL ${location}`);
      if ([401, 403, 404, 405].includes(status))
        return wrong(
          problem,
          'each message becomes a dead letter at once',
          'look at the path, at POST, and at user and password of the URL',
        );
      if (status < 300) return wrong(problem, 'each attempt fails', ANSWER);
      if (service.options.message !== undefined)
        return wrong(
          problem,
          'the given message should be processed',
          'mend the service, or give another --message',
        );
      return wrong(problem, UNTRIED, GIVE_MESSAGE);
    },
  ],
  [
    'another attempt',
    (service) =>
      takes(service, 'a second attempt, with "traceparent"', service.messages.plain(), ANSWER, {
        'cgroup-attempt': '2',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      }),
  ],
  [
    'keep-alive',
    async (service) => {
      for (let i = 0; i < 5; i++) {
        const answer = await service.post(service.messages.plain());
        if (typeof answer === 'string')
          return wrong(
            `a further message on an open connection: ${answer}`,
            'attempts fail, though the service is there',
            'read the whole body of each request; close idle connections only after some seconds',
          );
        if (answer.reused) return fine('it keeps connections open');
      }
      return remark(
        'it closes the connection after each answer: slower. Answer with HTTP/1.1 and "content-length" ' +
          '(Python\'s http.server: protocol_version = "HTTP/1.1")',
      );
    },
  ],
  [
    'many at once',
    async (service) => {
      const bodies = Array.from({ length: AT_ONCE }, () => service.messages.plain());
      const answers = await Promise.all(bodies.map((body) => service.post(body)));
      const bad = answers.find((answer) => problemOf(answer) !== undefined);
      if (bad === undefined) return fine(`it answers ${AT_ONCE} messages at once`);
      return wrong(
        `of ${AT_ONCE} messages at once, one: ${problemOf(bad)}`,
        'these attempts fail',
        'serve several connections at a time (threads, processes), or use a smaller --concurrency',
      );
    },
  ],
  [
    'any text',
    async (service) => {
      const answer = await service.post(service.messages.texts());
      const what = 'a message with letters of many languages, quotes and line breaks';
      const problem = problemOf(answer);
      if (problem !== undefined) return wrong(`${what}: ${problem}`, NEVER, 'read and write UTF-8');
      if (typeof answer !== 'string' && changedTexts(answer.body) === 'changed')
        return wrong(
          'letters of other languages come back changed',
          'results differ from what the service means',
          'read and write the bodies as UTF-8',
        );
      return fine(`it takes ${what}`);
    },
  ],
  [
    'half a character',
    (service) =>
      takes(
        service,
        'a message with a half of a character (\\ud83d)',
        service.messages.halfCharacter(),
        'write JSON with escapes (ASCII), or answer with 422',
      ),
  ],
  [
    'many digits',
    async (service) => {
      const answer = await service.post(service.messages.digits());
      const what = 'a message with a number of 20 digits';
      const problem = problemOf(answer);
      if (problem !== undefined) return wrong(`${what}: ${problem}`, NEVER, ANSWER);
      if (typeof answer !== 'string' && changedDigits(answer.body) === 'changed')
        return remark(
          'numbers beyond 2^53 come back rounded: if your messages have some, read them with a parser that keeps them',
        );
      return fine(`it takes ${what}`);
    },
  ],
  [
    'a large message',
    (service) =>
      takes(
        service,
        'a message of 1 MB',
        service.messages.large(),
        'raise the limit of your framework for bodies (Express: express.json({ limit: "64mb" }))',
      ),
  ],
  [
    'no JSON',
    async (service) => {
      const answer = await service.post('{"message_id":');
      if (typeof answer === 'string' || answer.status >= 500)
        return wrong(
          `to a body that is no JSON: ${problemOf(answer)}`,
          'a message that can never be processed is tried again and again, and looks like a broken service',
          'answer with 400 if the body cannot be read: then it becomes a dead letter at once',
        );
      if (answer.status >= 400) return fine(`it answers a body that is no JSON with ${answer.status}`);
      return remark(`it answers a body that is no JSON with ${answer.status}; better: 400`);
    },
  ],
  [
    'a failing message',
    async (service) => {
      const { failing } = service.options;
      if (failing === undefined)
        return remark('not checked: name a message that must fail with --failing JSON');
      const answer = await service.post(failing);
      if (typeof answer !== 'string' && problemOf(answer) === undefined)
        return wrong(
          `the message that must fail is answered with ${answer.status}`,
          'cgroup takes the message as processed',
          'answer with 422 to give it up, or with 500 or 503 to have it tried again',
        );
      if (typeof answer === 'string')
        return wrong(
          `the message that must fail: ${answer}`,
          'it looks like a broken service',
          'catch its errors',
        );
      const givenUp = answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status);
      return fine(
        `it answers with ${answer.status}: ${givenUp ? 'no further attempt' : 'it is tried again'}`,
      );
    },
  ],
];
