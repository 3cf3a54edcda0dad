// What the user sends: one microphone track, one camera track. Opens, switches, mutes and stops them, and tells when the
// track to send has changed or a device went away. Knows nothing of calls.
//
// Contract: whoever asks last wins; a device that opens after it was asked away again is closed at once.

import { openDevice, type DeviceKind } from "./devices";
import { Silence } from "./silence";

export interface CameraOptions {
  width?: number;
  height?: number;
  frameRate?: number;
  /** Bits a second; browsers choose without it. */
  bitrate?: number;
  deviceId?: string;
  /** "motion", "detail" or "text". */
  contentHint?: string;
}

export interface LocalMediaHandlers {
  /** The track to send is another one, or (null) there is none. */
  onTrack(kind: DeviceKind, track: MediaStreamTrack | null): void;
  /** The device was unplugged, or its permission withdrawn. Its track is gone. */
  onLost(kind: DeviceKind): void;
}

/** Clean speech: what agents hear best. */
export const SPEECH_CONSTRAINTS: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

interface Source {
  track: MediaStreamTrack;
  /** The app's own track is not stopped. */
  lent: boolean;
}

export class LocalMedia {
  audioConstraints: MediaTrackConstraints = SPEECH_CONSTRAINTS;
  camera: CameraOptions = {};
  private microphoneId: string | undefined;
  private muted = false;
  private videoPublished = true;
  private silence: Silence | null = null;
  private readonly sources = new Map<DeviceKind, Source>();
  private readonly attempts = { audio: 0, video: 0 };

  constructor(private readonly handlers: LocalMediaHandlers) {}

  get audioTrack(): MediaStreamTrack | null {
    return this.sources.get("audio")?.track ?? null;
  }

  get videoTrack(): MediaStreamTrack | null {
    return this.sources.get("video")?.track ?? null;
  }

  get isMuted(): boolean {
    return this.muted;
  }

  /** What is sent as the user's voice. */
  get sentAudio(): MediaStreamTrack | null {
    return this.audioTrack ?? this.silence?.track ?? null;
  }

  /** The camera's track if it is to be sent. */
  get publishedVideo(): MediaStreamTrack | null {
    return this.videoPublished ? this.videoTrack : null;
  }

  async startMicrophone(): Promise<void> {
    const device = this.microphoneId ? { deviceId: { exact: this.microphoneId } } : {};
    await this.open("audio", { ...this.audioConstraints, ...device });
  }

  /** Takes another microphone from now on; at once if one is open. */
  async switchMicrophone(deviceId: string): Promise<void> {
    const before = this.microphoneId;
    this.microphoneId = deviceId;
    if (!this.audioTrack) return;
    try {
      await this.startMicrophone();
    } catch (error) {
      this.microphoneId = before;
      throw error;
    }
  }

  /** Closes the microphone; silence is sent in its place until it is started again. */
  sendSilence(): void {
    this.silence ??= new Silence();
    this.stop("audio");
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    const { audioTrack } = this;
    if (audioTrack) audioTrack.enabled = !muted;
  }

  async startCamera(): Promise<void> {
    const { width, height, frameRate, deviceId } = this.camera;
    await this.open("video", {
      ...(width ? { width: { ideal: width } } : {}),
      ...(height ? { height: { ideal: height } } : {}),
      ...(frameRate ? { frameRate: { ideal: frameRate } } : {}),
      ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
    });
  }

  /** Sends a track of the app's own in place of the camera. */
  lendCamera(track: MediaStreamTrack): void {
    this.attempts.video += 1;
    this.take("video", { track, lent: true });
  }

  /** Takes another camera from now on; at once if one is open. */
  async switchCamera(deviceId: string): Promise<void> {
    const before = this.camera;
    this.camera = { ...this.camera, deviceId };
    if (!this.videoTrack) return;
    try {
      await this.startCamera();
    } catch (error) {
      this.camera = before;
      throw error;
    }
  }

  /** Whether the camera's picture is sent; a preview goes on without. */
  publishVideo(publish: boolean): void {
    this.videoPublished = publish;
    this.handlers.onTrack("video", this.publishedVideo);
  }

  stop(kind: DeviceKind): void {
    this.attempts[kind] += 1;
    const source = this.sources.get(kind);
    this.sources.delete(kind);
    this.handlers.onTrack(kind, kind === "audio" ? this.sentAudio : null);
    if (source) release(source);
  }

  /** Closes everything. */
  close(): void {
    this.silence?.stop();
    this.silence = null;
    this.stop("audio");
    this.stop("video");
    this.muted = false;
    this.videoPublished = true;
  }

  private async open(kind: DeviceKind, constraints: MediaTrackConstraints): Promise<void> {
    const attempt = ++this.attempts[kind];
    const track = await openDevice(kind, constraints);
    if (attempt === this.attempts[kind]) this.take(kind, { track, lent: false });
    else track.stop();
  }

  private take(kind: DeviceKind, source: Source): void {
    const before = this.sources.get(kind);
    const { track } = source;
    this.sources.set(kind, source);
    if (kind === "audio") track.enabled = !this.muted;
    else if (this.camera.contentHint) track.contentHint = this.camera.contentHint;
    track.addEventListener("ended", () => {
      if (this.sources.get(kind)?.track !== track) return;
      this.sources.delete(kind);
      this.handlers.onTrack(kind, null);
      this.handlers.onLost(kind);
    });
    this.handlers.onTrack(kind, kind === "video" ? this.publishedVideo : track);
    if (before && before.track !== track) release(before);
    if (kind === "audio") {
      this.silence?.stop();
      this.silence = null;
    }
  }
}

function release({ track, lent }: Source): void {
  if (!lent) track.stop();
}
