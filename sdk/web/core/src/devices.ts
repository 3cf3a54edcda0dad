// Getting microphone and camera, and saying by number why one can't be had.

/** Numbered as AICallKit's RTC layer does. */
export enum DeviceErrorCode {
  Unknown = 10000,
  MicrophoneNotFound = 10001,
  CameraNotFound = 10002,
  MicrophoneNotAllowed = 10003,
  CameraNotAllowed = 10004,
  MicrophoneNotReadable = 10005,
  CameraNotReadable = 10006,
  Constraints = 10007,
}

export type DeviceKind = "audio" | "video";

export class DeviceError extends Error {
  override readonly name = "DeviceError";

  constructor(
    readonly errorCode: DeviceErrorCode,
    message: string,
    readonly kind: DeviceKind,
  ) {
    super(message);
  }
}

/** Opens one device; throws a DeviceError. */
export async function openDevice(kind: DeviceKind, constraints: MediaTrackConstraints): Promise<MediaStreamTrack> {
  // Outside a secure context browsers hide the whole interface.
  if (!globalThis.navigator?.mediaDevices?.getUserMedia) {
    const code = kind === "audio" ? DeviceErrorCode.MicrophoneNotAllowed : DeviceErrorCode.CameraNotAllowed;
    throw new DeviceError(code, "Browsers give devices to pages on https or localhost only.", kind);
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ [kind]: constraints });
    const [track] = stream.getTracks();
    if (track) return track;
  } catch (error) {
    throw deviceError(kind, error);
  }
  throw new DeviceError(DeviceErrorCode.Unknown, "The browser gave a stream without a track.", kind);
}

/** The names are those of the Media Capture specification. */
export function deviceError(kind: DeviceKind, error: unknown): DeviceError {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const audio = kind === "audio";
  const device = audio ? "microphone" : "camera";
  const say = (code: DeviceErrorCode, text: string) => new DeviceError(code, message ? `${text} (${message})` : text, kind);
  switch (name) {
    case "NotFoundError":
      return say(audio ? DeviceErrorCode.MicrophoneNotFound : DeviceErrorCode.CameraNotFound, `There is no ${device}.`);
    case "NotAllowedError":
    case "SecurityError":
      return say(audio ? DeviceErrorCode.MicrophoneNotAllowed : DeviceErrorCode.CameraNotAllowed, `The ${device} was not allowed.`);
    case "NotReadableError":
    case "AbortError":
      return say(audio ? DeviceErrorCode.MicrophoneNotReadable : DeviceErrorCode.CameraNotReadable, `The ${device} can't be read.`);
    case "OverconstrainedError":
      return say(DeviceErrorCode.Constraints, `No ${device} is as asked for.`);
    default:
      return say(DeviceErrorCode.Unknown, `The ${device} can't be opened.`);
  }
}

/** Microphones or cameras; their labels are empty until the user has allowed one. */
export async function listDevices(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
  const devices = (await globalThis.navigator?.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter((device) => device.kind === `${kind}input`);
}

/** Whether a call is possible here, and what it needs that is there or not. Names with "is" are the vendor's RTC SDK's. */
export interface Support {
  support: boolean;
  detail: {
    secureContext: boolean;
    webRtc: boolean;
    devices: boolean;
    dataChannel: boolean;
    isWebRTCSupported: boolean;
    isBrowserSupported: boolean;
    isH264EncodeSupported: boolean;
    isH264DecodeSupported: boolean;
    isScreenShareSupported: boolean;
    isSendMediaExtensionMsgSupported: boolean;
  };
}

/** Receiving alone needs no devices. Outside a secure context browsers hide them. */
export function checkSupport(receiveOnly = false): Support {
  const peer = globalThis.RTCPeerConnection as typeof RTCPeerConnection | undefined;
  const webRtc = peer !== undefined;
  const dataChannel = webRtc && "createDataChannel" in peer.prototype;
  const devices = globalThis.navigator?.mediaDevices?.getUserMedia !== undefined;
  const support = dataChannel && (receiveOnly || devices);
  const h264 = (end: "RTCRtpSender" | "RTCRtpReceiver") =>
    globalThis[end]?.getCapabilities("video")?.codecs.some(({ mimeType }) => mimeType === "video/H264") ?? false;
  return {
    support,
    detail: {
      secureContext: globalThis.isSecureContext !== false,
      webRtc,
      devices,
      dataChannel,
      isWebRTCSupported: webRtc,
      isBrowserSupported: support,
      isH264EncodeSupported: h264("RTCRtpSender"),
      isH264DecodeSupported: h264("RTCRtpReceiver"),
      isScreenShareSupported: false,
      isSendMediaExtensionMsgSupported: false,
    },
  };
}
