// The channel token as the app-server door hands it out: base64 of a JSON envelope. The page reads only where to
// connect and who it is; the signature inside is the server's business.

export interface ChannelToken {
  /** The text to send back when joining, unchanged. */
  raw: string;
  appId: string;
  channelId: string;
  userId: string;
  /** When it expires, in Unix seconds. */
  expires: number;
  /** Where to post the offer. */
  rtcUrl: string;
}

/** Longest token accepted, in characters; a real one has a few hundred. */
export const MAX_TOKEN_LENGTH = 8192;

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
  if (!URL.canParse(text)) throw new Error("the channel token's rtcurl is not a URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new Error("the channel token's rtcurl is not a web address");
  return url.href;
}
