// One peer connection to the server: audio both ways, the data channel, and a picture if wanted. Knows SDP and
// statistics, nothing of calls.

import { SignalingError } from "./signaling";

export interface PeerHandlers {
  onMessage(text: unknown): void;
  onChannelOpen(): void;
  onChannelClosed(): void;
  /** `streamId` is what the server calls the stream. */
  onTrack(track: MediaStreamTrack, streamId: string): void;
  /** The connection state changed; `peer.down` and `peer.connected` say to what. */
  onState(): void;
}

export interface PeerOptions {
  audioTrack: MediaStreamTrack | null;
  /** Null: no picture in either direction, and none later. */
  video: { direction: "sendrecv" | "sendonly" | "recvonly"; track: MediaStreamTrack | null; bitrate?: number | undefined } | null;
}

/** What getStats says about the path and the voices on it. */
export interface PathStats {
  /** Media packets, and connectivity answers on the pair in use, received. */
  received: number;
  roundTripMs: number | null;
  /** Loudness, 0 to 1 of full scale: our own, and that of each remote track by its id. */
  localLevel: number;
  remoteLevels: Map<string, number>;
}

/** So much may wait in the data channel; more is not taken. Messages have a few hundred bytes. */
const MAX_BUFFERED = 1024 * 1024;

export class Peer {
  private readonly connection = new RTCPeerConnection();
  private readonly channel: RTCDataChannel;
  private readonly audio: RTCRtpTransceiver;
  private readonly video: RTCRtpTransceiver | null;
  private readonly bitrate: number | undefined;
  private closed = false;

  constructor({ audioTrack, video }: PeerOptions, handlers: PeerHandlers) {
    this.audio = this.connection.addTransceiver(audioTrack ?? "audio", { direction: "sendrecv" });
    this.video = video ? this.connection.addTransceiver(video.track ?? "video", { direction: video.direction }) : null;
    this.bitrate = video?.bitrate;
    this.channel = this.connection.createDataChannel("aicall", { ordered: true });
    const unlessClosed = (handle: () => void) => () => {
      if (!this.closed) handle();
    };
    this.channel.onopen = unlessClosed(handlers.onChannelOpen);
    this.channel.onclose = unlessClosed(handlers.onChannelClosed);
    this.channel.onmessage = (event) => {
      if (!this.closed) handlers.onMessage(event.data);
    };
    this.connection.onconnectionstatechange = unlessClosed(handlers.onState);
    this.connection.oniceconnectionstatechange = unlessClosed(handlers.onState);
    this.connection.ontrack = ({ track, streams }) => {
      if (!this.closed) handlers.onTrack(track, streams[0]?.id ?? "");
    };
  }

  get connected(): boolean {
    return this.connection.connectionState === "connected";
  }

  get down(): boolean {
    const { connectionState, iceConnectionState } = this.connection;
    return connectionState === "failed" || connectionState === "disconnected" || iceConnectionState === "disconnected";
  }

  get channelOpen(): boolean {
    return this.channel.readyState === "open";
  }

  /** The local offer. It is sent at once, without candidates: the server learns our addresses from our checks. */
  async offer(iceRestart = false): Promise<string> {
    const offer = await this.connection.createOffer({ iceRestart });
    await this.connection.setLocalDescription(offer);
    return this.connection.localDescription?.sdp ?? offer.sdp ?? "";
  }

  async accept(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    if (this.video && this.bitrate) await limitBitrate(this.video.sender, this.bitrate);
  }

  /** False if the channel isn't open or is blocked: the message is dropped. */
  send(text: string): boolean {
    if (!this.channelOpen || this.channel.bufferedAmount + text.length > MAX_BUFFERED) return false;
    this.channel.send(text);
    return true;
  }

  /** Whether everything that was sent has left this page. */
  get drained(): boolean {
    return !this.channelOpen || this.channel.bufferedAmount === 0;
  }

  async replaceTrack(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    const transceiver = kind === "audio" ? this.audio : this.video;
    // A line that the server refused takes no track.
    if (!this.closed && transceiver?.currentDirection !== "stopped") await transceiver?.sender.replaceTrack(track);
  }

  async stats(): Promise<PathStats> {
    const stats: PathStats = { received: 0, roundTripMs: null, localLevel: 0, remoteLevels: new Map() };
    const reports = await this.connection.getStats();
    const pairs = new Set<string>();
    for (const report of reports.values()) {
      switch (report.type) {
        case "inbound-rtp":
          stats.received += report.packetsReceived ?? 0;
          if (typeof report.audioLevel === "number") stats.remoteLevels.set(report.trackIdentifier, report.audioLevel);
          break;
        case "media-source":
          if (typeof report.audioLevel === "number") stats.localLevel = report.audioLevel;
          break;
        case "transport":
          if (report.selectedCandidatePairId) pairs.add(report.selectedCandidatePairId);
          break;
        case "candidate-pair":
          // As Firefox says it.
          if (report.selected) pairs.add(report.id);
      }
    }
    // Other pairs may be answered while the one in use is dead.
    for (const id of pairs) {
      const pair = reports.get(id);
      stats.received += pair?.responsesReceived ?? 0;
      if (typeof pair?.currentRoundTripTime === "number") stats.roundTripMs = 1000 * pair.currentRoundTripTime;
    }
    return stats;
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }
}

async function limitBitrate(sender: RTCRtpSender, bitrate: number): Promise<void> {
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = bitrate;
  // A browser that knows no limit goes on without one.
  if (parameters.encodings.length > 0) await sender.setParameters(parameters).catch(() => undefined);
}

/** An answer that the browser refuses is the server's fault. */
export async function accept(peer: Peer, sdp: string): Promise<void> {
  try {
    await peer.accept(sdp);
  } catch (error) {
    throw new SignalingError("BadAnswer", `The server's answer can't be used: ${error instanceof Error ? error.message : String(error)}`, 200);
  }
}
