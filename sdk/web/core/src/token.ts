// The channel token as the server hands it out: base64 of a JSON envelope. A client reads only where to connect and
// who it is; the signature inside is the server's business. `TokenClock` says when to renew it.

export interface ChannelToken {
  /** The text to send when joining, unchanged. */
  raw: string;
  appId: string;
  channelId: string;
  userId: string;
  /** When it expires, in Unix seconds; 0 if it does not say. */
  expires: number;
  /** Where to post the offer. */
  rtcUrl: string;
}

/** Longest token accepted, in characters; a real one has a few hundred. */
export const MAX_TOKEN_LENGTH = 8192;

/** So long before the end a token is about to expire. */
export const WILL_EXPIRE_MS = 30_000;

/** Timers cannot be longer (2^31 - 1 ms, 24 days); what is further away is looked at again then. */
const MAX_TIMER_MS = 2_147_483_647;

/** Reads a token, or throws an Error that says what is wrong with it. */
export function decodeToken(raw: string): ChannelToken {
  if (raw.length > MAX_TOKEN_LENGTH) throw new Error("the channel token is too long");
  const envelope = parseEnvelope(raw);
  const text = (key: string): string => {
    const value = envelope[key];
    if (typeof value !== "string" || value === "") throw new Error(`the channel token has no ${key}`);
    return value;
  };
  return {
    raw,
    appId: text("appid"),
    channelId: text("channelid"),
    userId: text("userid"),
    expires: Number(envelope["timestamp"]) || 0,
    rtcUrl: webUrl(text("rtcurl")),
  };
}

/** Tells once when a token is about to expire, and once when it has. */
export class TokenClock {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly handlers: { onWillExpire(lastsMs: number): void; onExpired(): void }) {}

  /** Watches a token that lasts so long from now, and no other. One that is nearly over is announced at once. */
  watch(lastsMs: number): void {
    this.stop();
    const expires = Date.now() + lastsMs;
    this.at(expires - WILL_EXPIRE_MS, () => {
      const lasts = expires - Date.now();
      if (lasts > 0) this.handlers.onWillExpire(lasts);
      this.at(expires, () => this.handlers.onExpired());
    });
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private at(time: number, action: () => void): void {
    const wait = Math.max(0, time - Date.now());
    if (wait > MAX_TIMER_MS) this.timer = setTimeout(() => this.at(time, action), MAX_TIMER_MS);
    else this.timer = setTimeout(action, wait);
  }
}

function parseEnvelope(raw: string): Record<string, unknown> {
  try {
    const bytes = Uint8Array.from(atob(raw), (char) => char.charCodeAt(0));
    const envelope: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof envelope === "object" && envelope !== null && !Array.isArray(envelope)) {
      return envelope as Record<string, unknown>;
    }
  } catch {
    // Falls through to the one message for everything that is not such an envelope.
  }
  throw new Error("the channel token is not base64 of a JSON object");
}

function webUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error("the channel token's rtcurl is not a URL");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new Error("the channel token's rtcurl is not a web address");
  return url.href;
}
