// One peer connection to the server: audio both ways and the data channel. Knows SDP and statistics, nothing of calls.

export interface PeerHandlers {
  onMessage(text: unknown): void;
  onChannelOpen(): void;
  onChannelClosed(): void;
  onRemoteStream(stream: MediaStream): void;
  /** The connection state changed; `peer.down` and `peer.connected` say to what. */
  onState(): void;
}

/** What getStats says about the path. */
export interface PathStats {
  /** Media packets and connectivity answers received. */
  received: number;
  roundTripMs: number | null;
}

export class Peer {
  private readonly connection = new RTCPeerConnection();
  private readonly channel: RTCDataChannel;
  private readonly audio: RTCRtpTransceiver;
  private closed = false;

  constructor(track: MediaStreamTrack | null, handlers: PeerHandlers) {
    this.audio = this.connection.addTransceiver(track ?? "audio", { direction: "sendrecv" });
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
    this.connection.ontrack = (event) => handlers.onRemoteStream(event.streams[0] ?? new MediaStream([event.track]));
  }

  get connected(): boolean {
    return this.connection.connectionState === "connected";
  }

  get down(): boolean {
    const { connectionState, iceConnectionState } = this.connection;
    return connectionState === "failed" || connectionState === "disconnected" || iceConnectionState === "disconnected";
  }

  /** The local offer. It is sent at once, without candidates: the server learns our addresses from our checks. */
  async offer(iceRestart = false): Promise<string> {
    const offer = await this.connection.createOffer({ iceRestart });
    await this.connection.setLocalDescription(offer);
    return this.connection.localDescription?.sdp ?? offer.sdp ?? "";
  }

  async accept(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** False if the channel isn't open: the message is dropped. */
  send(text: string): boolean {
    if (this.channel.readyState !== "open") return false;
    this.channel.send(text);
    return true;
  }

  /** Whether everything that was sent has left this page. */
  get drained(): boolean {
    return this.channel.readyState !== "open" || this.channel.bufferedAmount === 0;
  }

  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    await this.audio.sender.replaceTrack(track);
  }

  async stats(): Promise<PathStats> {
    let received = 0;
    let roundTripMs: number | null = null;
    for (const report of (await this.connection.getStats()).values()) {
      if (report.type === "inbound-rtp") received += report.packetsReceived ?? 0;
      if (report.type === "candidate-pair") {
        received += report.responsesReceived ?? 0;
        if (report.nominated && typeof report.currentRoundTripTime === "number") roundTripMs = 1000 * report.currentRoundTripTime;
      }
    }
    return { received, roundTripMs };
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }
}
