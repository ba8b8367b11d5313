import { fakeServer } from './fakeserver.js';
import { array, bulk } from './resp.js';

/** What a Sentinel says of the master. */
export interface SentinelView {
  master: readonly [host: string, port: number];
  /** Undefined if it may not be asked for it. */
  epoch?: number;
  /** It is connected, and says nothing. */
  isSilent?: boolean;
}

/** A Sentinel that answers what a test says, which may change. `asked`: how many times it was asked. */
export class FakeSentinel {
  asked = 0;
  view: SentinelView;
  address = '';

  constructor(view: SentinelView) {
    this.view = view;
  }

  static async start(view: SentinelView): Promise<FakeSentinel> {
    const sentinel = new FakeSentinel(view);
    sentinel.address = await fakeServer((request, socket) => {
      for (const command of commandsIn(request)) {
        const reply = sentinel.#answer(command);
        if (reply) socket.write(reply);
      }
    });
    return sentinel;
  }

  #answer([name, what]: readonly string[]): Buffer | string | undefined {
    if (this.view.isSilent) return undefined;
    if (name?.toUpperCase() !== 'SENTINEL') return '+OK\r\n';
    const [host, port] = this.view.master;
    switch (what) {
      case 'GET-MASTER-ADDR-BY-NAME':
        this.asked++;
        return array(bulk(host), bulk(String(port)));
      case 'MASTER':
        if (this.view.epoch === undefined) return '-NOPERM no\r\n';
        return array(bulk('config-epoch'), bulk(String(this.view.epoch)));
      default:
        return array();
    }
  }
}

/** The commands of a request, each with its arguments. */
function commandsIn(request: string): string[][] {
  return request
    .split(/(?:^|\r\n)\*\d+(?=\r\n\$)/)
    .slice(1)
    .map((text) => [...text.matchAll(/\$\d+\r\n(.*?)(?=\r\n|$)/g)].map(([, arg = '']) => arg));
}
