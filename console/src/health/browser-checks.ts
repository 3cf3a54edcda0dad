// What only a browser can see: whether this page, this machine's microphone and its clock are fit for calls.

import { DeviceError, DeviceErrorCode, RtcClient, checkSupport } from "@ringline/rtc-core";

export type Verdict = "ok" | "warning" | "failed" | "skipped";

/** What was found, as a name of the words for it. */
export interface BrowserCheck {
  name: "page" | "webrtc" | "microphone" | "browser_clock";
  verdict: Verdict;
  found: BrowserFinding;
  /** Goes into the words. */
  detail: string;
}

export type BrowserFinding = "secure" | "insecure" | "webrtc" | "noWebrtc" | "microphone" | "microphoneDenied" | "microphoneMissing" | "microphoneFailed" | "microphoneSkipped" | "clock" | "clockOff" | "clockUnknown";

/** Further apart than this the clocks confuse people and tokens, in s. */
const CLOCK_TOLERANCE_S = 5;

/** `serverTime` is the Date header of an answer that arrived at `arrived` (Unix ms). */
export async function checkBrowser(serverTime: string | null, arrived: number): Promise<BrowserCheck[]> {
  const { detail } = checkSupport();
  return [
    { name: "page", ...(detail.secureContext ? { verdict: "ok", found: "secure" } : { verdict: "failed", found: "insecure" }), detail: location.origin },
    { name: "webrtc", ...(detail.webRtc && detail.dataChannel ? { verdict: "ok", found: "webrtc" } : { verdict: "failed", found: "noWebrtc" }), detail: "" },
    detail.devices ? await microphone() : { name: "microphone", verdict: "skipped", found: "microphoneSkipped", detail: "" },
    clock(serverTime, arrived),
  ];
}

async function microphone(): Promise<BrowserCheck> {
  const client = new RtcClient();
  try {
    await client.startMicrophone();
    return { name: "microphone", verdict: "ok", found: "microphone", detail: client.audioTrack?.label ?? "" };
  } catch (error) {
    const code = error instanceof DeviceError ? error.errorCode : DeviceErrorCode.Unknown;
    const found = code === DeviceErrorCode.MicrophoneNotAllowed ? "microphoneDenied" : code === DeviceErrorCode.MicrophoneNotFound ? "microphoneMissing" : "microphoneFailed";
    return { name: "microphone", verdict: "failed", found, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    void client.destroy();
  }
}

/** The header has whole seconds, so half of one is added. */
function clock(serverTime: string | null, arrived: number): BrowserCheck {
  const server = Date.parse(serverTime ?? "");
  if (Number.isNaN(server)) return { name: "browser_clock", verdict: "skipped", found: "clockUnknown", detail: "" };
  const apart = Math.abs(server + 500 - arrived) / 1000;
  const off = apart > CLOCK_TOLERANCE_S;
  return { name: "browser_clock", verdict: off ? "warning" : "ok", found: off ? "clockOff" : "clock", detail: `${apart.toFixed(1)} s` };
}
