import type { Lease } from '../core/bridge-store.js';

const NO_LEASE: Lease = { token: 0, beat: 0, holder: '', relayed: undefined };

/** The lease as last reported, and for how long it has not changed by the observer's own clock. No two clocks have to agree. */
export class LeaseWatch {
  #lease = NO_LEASE;
  #known = false;
  /** When the lease last changed; ms, monotonic. */
  #since = 0;
  /** Whether the lease is known to differ from the last report: a take was refused, or the lead is lost. */
  #outdated = false;

  get lease(): Lease {
    return this.#lease;
  }

  /** Whether a lease was ever reported. */
  get known(): boolean {
    return this.#known;
  }

  /** Records the lease as reported at `now` (ms, monotonic). */
  observe(lease: Lease, now: number): void {
    const { token, beat, holder } = this.#lease;
    if (!this.#known || lease.token !== token || lease.beat !== beat || lease.holder !== holder)
      this.#since = now;
    this.#known = true;
    this.#lease = lease;
    this.#outdated = false;
  }

  /** The lease has changed, nothing else is known: do not act on it before the next report. */
  outdate(now: number): void {
    this.#outdated = true;
    this.#since = now;
  }

  /** Measures the time without a change from now on. */
  restart(now: number): void {
    this.#since = now;
  }

  /** Whether no other bridge than `id` leads, by the last report. */
  isVacantFor(id: string): boolean {
    const { holder } = this.#lease;
    return !this.#outdated && (holder === '' || holder === id);
  }

  /** ms since the lease last changed. */
  unchangedFor(now: number): number {
    return now - this.#since;
  }
}
