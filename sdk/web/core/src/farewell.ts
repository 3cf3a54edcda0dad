// Whether a stay that ends has ended well: the agent has said that it leaves, or the app has asked it to stop. What ends because
// of the latter is told STOP_GRACE_MS later: an app that hangs up meanwhile has what it wanted.

const STOP_GRACE_MS = 1000;

export class Farewell {
  private agentLeaves = false;
  private stopAskedAt = -Infinity;

  /** What ends now has ended well. */
  get expected(): boolean {
    return this.agentLeaves || this.stopAskedAt > -Infinity;
  }

  /** The agent has said that it leaves, or has left. */
  byAgent(): void {
    this.agentLeaves = true;
  }

  /** The app has asked the agent to stop. */
  byApp(): void {
    this.stopAskedAt = performance.now();
  }

  /** How long to wait before the app is told, in ms. */
  get wait(): number {
    return Math.max(0, this.stopAskedAt + STOP_GRACE_MS - performance.now());
  }
}
