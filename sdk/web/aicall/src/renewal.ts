// Who renews the token. The app may, at any of three points (its own request, the new token, nothing at all); what it
// leaves undone is done here, so that a call does not end because nobody thought of it.

/** So long the app has to do something itself. */
const APP_FIRST_MS = 5000;
/** A request that is not answered (the path may be down) is made again, while the old token may still do. */
const AGAIN_MS = 5000;
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

  /** The token is about to expire. */
  willExpire(): void {
    this.after(APP_FIRST_MS, () => this.request(REQUESTS));
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

  private request(left: number): void {
    if (left === 0) return;
    this.handlers.request();
    this.after(AGAIN_MS, () => this.request(left - 1));
  }

  private after(ms: number, action: () => void): void {
    this.stop();
    this.timer = setTimeout(action, ms);
  }
}
