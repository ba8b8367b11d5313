import { HERE } from '../hosts.js';
import { RedisServer } from '../redis-server.js';

/** One Redis with an append-only file. */
export class OneServer {
  /** @type {RedisServer} */
  redis;
  /** Never: there is no other server. */
  looks = undefined;
  promotions = [];
  /** The processes reach it through a proxy of their own each. */
  direct = false;

  static async open(options) {
    const place = new OneServer();
    place.redis = await RedisServer.start(options);
    return place;
  }

  get port() {
    return this.redis.port;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Where a process of the group runs. */
  hostOf() {
    return HERE;
  }

  /** A connection to the server with a key. */
  reading(admin) {
    return admin;
  }

  close() {
    return this.redis.stop();
  }
}
