// Who renews the token. The app may, at any of three points (its own request, the new token, nothing at all); what it
// leaves undone is done here, so that a call does not end because nobody thought of it.

/** This part of the time that is left the app has to do something itself: 5 s of 30. */
const APP_FIRST = 1 / 6;
/** After as long again, a request that is not answered (the path may be down) is repeated, also a while behind the end. */
const REQUESTS = 8;

export interface RenewalHandlers {
  /** Asks the server for a new token. */
  request(): void;
  /** Goes on with a token. */
  apply(token: string): void;
}

export class TokenRenewal {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly handlers: RenewalHandlers) {}

  /** The token lasts so long. */
  willExpire(lastsMs: number): void {
    this.after(lastsMs * APP_FIRST, () => this.request(lastsMs * APP_FIRST, REQUESTS));
  }

  /** The app asks for one itself, or brought one. */
  appActed(): void {
    this.stop();
  }

  /** A new token came, and the app was told. */
  arrived(token: string): void {
    this.after(0, () => this.handlers.apply(token));
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private request(waitMs: number, left: number): void {
    if (left === 0) return;
    this.handlers.request();
    this.after(waitMs, () => this.request(waitMs, left - 1));
  }

  private after(ms: number, action: () => void): void {
    this.stop();
    this.timer = setTimeout(action, ms);
  }
}
