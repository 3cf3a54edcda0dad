// Decides when the media path is lost and what to do about it. A value: samples and times go in, one action comes out.
//
// The server sends audio or keep-alive packets at least five times a second, so 1.5 s in which nothing arrived (no
// media packet, no answer to a connectivity check) means the path is gone, four seconds before the browser says so.
// First the path is restarted on the same call; if that doesn't help, the call is joined anew with the same token.

export const PATH = {
  /** How often to sample. */
  intervalMs: 500,
  /** Nothing arrived for this long: the path is lost. */
  stallMs: 1500,
  /** When to try, counted from the loss; the first ones restart ICE, the others join anew. */
  restartsAtMs: [0, 2500],
  firstRejoinAtMs: 5000,
  rejoinEveryMs: 5000,
  /** The server keeps a disconnected call for this long; after it there is nothing to come back to. */
  giveUpMs: 60_000,
} as const;

export type PathAction = "restart" | "rejoin" | "recovered" | "give-up";

export interface PathSample {
  /** Any clock, in ms. */
  now: number;
  /** Media packets and connectivity answers received so far on this peer connection. */
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
  private tries = 0;

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

  /** Something outside knows the path to be useless (the data channel closed, the device changed networks). */
  declareLost(now: number): void {
    if (this.lostAt !== null) return;
    this.lostAt = now;
    this.tries = 0;
  }

  step(sample: PathSample): PathAction | null {
    const alive = sample.received > this.received;
    this.received = sample.received;
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
    if (this.lostAt === null && (sample.down || (this.armed && this.stalled >= PATH.stallMs))) this.declareLost(sample.now);
    return this.nextTry(sample);
  }

  private nextTry(sample: PathSample): PathAction | null {
    if (this.lostAt === null) return null;
    const since = sample.now - this.lostAt;
    if (since >= PATH.giveUpMs) return "give-up";
    if (sample.busy || since < dueAt(this.tries)) return null;
    this.tries += 1;
    return this.tries <= PATH.restartsAtMs.length ? "restart" : "rejoin";
  }
}

/** When try number `n` (from nought) is due, in ms after the loss. */
function dueAt(n: number): number {
  return PATH.restartsAtMs[n] ?? PATH.firstRejoinAtMs + (n - PATH.restartsAtMs.length) * PATH.rejoinEveryMs;
}
