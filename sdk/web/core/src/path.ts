// Decides when the media path is lost and what to do about it. A value: samples and times go in, one action comes out.
//
// The server sends audio or keep-alive packets at least five times a second, so 1.5 s in which nothing arrived (no
// media packet, no answer to a connectivity check) means the path is gone, four seconds before the browser says so.
// First ICE is restarted on the same call. That brings back a path that the browser itself has given up; one that it
// still trusts it goes on using for seconds, even with a better one beside it. So if a second later nothing has arrived,
// the call is joined anew with the same token.

export const PATH = {
  /** Sample at least that often; a later sample counts as twice this. */
  intervalMs: 500,
  /** Nothing arrived for this long: the path is lost. */
  stallMs: 1500,
  /** Tries that restart ICE before the others join anew. */
  restarts: 1,
  /** From a try's end to the next one; the first follows the loss at once. */
  afterRestartMs: 1000,
  afterRejoinMs: 5000,
  /** The server keeps a disconnected call for this long; after it there is nothing to come back to. */
  giveUpMs: 60_000,
} as const;

export type PathAction = "restart" | "rejoin" | "recovered" | "give-up";

export interface PathSample {
  /** Any clock, in ms. */
  now: number;
  /** Media packets, and connectivity answers on the pair in use, received so far on this peer connection. */
  received: number;
  /** The browser itself reports the path as disconnected or failed. */
  down: boolean;
  /** An earlier action is still under way; no new one is begun. */
  busy: boolean;
}

export class PathWatch {
  private received = 0;
  /** Something arrived on this peer connection, so its stopping means something. */
  private armed = false;
  private lastSample: number | null = null;
  private stalled = 0;
  private lostAt: number | null = null;
  /** Declared lost from outside: what arrived before says nothing. */
  private distrust = false;
  private tries = 0;
  private nextTryAt = 0;

  get lost(): boolean {
    return this.lostAt !== null;
  }

  /** A new peer connection counts from nought. */
  reset(): void {
    this.received = 0;
    this.armed = false;
    this.lastSample = null;
    this.stalled = 0;
  }

  /** Something outside knows the path to be useless, e.g. the device changed networks. If it is lost, the next try is due. */
  declareLost(now: number): void {
    if (this.lostAt !== null) {
      this.nextTryAt = Math.min(this.nextTryAt, now);
      return;
    }
    this.lostAt = this.nextTryAt = now;
    this.distrust = true;
    this.tries = 0;
  }

  /** This peer connection can't be brought back: the next try joins anew, at once. */
  needNewPeer(now: number): void {
    this.declareLost(now);
    this.tries = Math.max(this.tries, PATH.restarts);
    this.nextTryAt = now;
  }

  step(sample: PathSample): PathAction | null {
    const alive = sample.received > this.received && !this.distrust;
    this.received = sample.received;
    this.distrust = false;
    // A late sample (a sleeping or busy page) is no evidence of a stall: it counts as two intervals at most.
    const elapsed = Math.min(sample.now - (this.lastSample ?? sample.now), 2 * PATH.intervalMs);
    this.lastSample = sample.now;

    if (alive && !sample.down) {
      this.armed = true;
      this.stalled = 0;
      if (this.lostAt === null || sample.busy) return null;
      this.lostAt = null;
      return "recovered";
    }
    this.stalled += elapsed;
    if (this.lostAt === null && (sample.down || (this.armed && this.stalled >= PATH.stallMs))) {
      this.declareLost(sample.now);
      this.distrust = false;
    }
    return this.nextTry(sample);
  }

  /** How long the present try may take to show. */
  private get patience(): number {
    return this.tries <= PATH.restarts ? PATH.afterRestartMs : PATH.afterRejoinMs;
  }

  private nextTry({ now, busy }: PathSample): PathAction | null {
    if (this.lostAt === null) return null;
    if (now - this.lostAt >= PATH.giveUpMs) return "give-up";
    if (busy) {
      this.nextTryAt = Math.max(this.nextTryAt, now + this.patience);
      return null;
    }
    if (now < this.nextTryAt) return null;
    this.tries += 1;
    this.nextTryAt = now + this.patience;
    return this.tries <= PATH.restarts ? "restart" : "rejoin";
  }
}
