// A supervisor's seat in a call: hears the user on the first audio line and what the user hears on the second, and speaks
// on the first while they have the floor. Joins like everybody, with a token of its own kind.

import { joinCall, leaveCall } from "@ringline/rtc-core";
import { api } from "../admin/api";
import { LevelMeter } from "../call/level";

/** What the operator may do from the seat. */
const PERMISSIONS = ["listen", "whisper", "speak", "takeover", "tool_arguments"];
/** The line's loss is given this long to mend before the seat is left. */
const PATIENCE_MS = 8000;

interface Made {
  token: string;
  user_id: string;
  rtc_url: string;
}

export class Seat {
  private readonly connection = new RTCPeerConnection();
  private readonly sound = new AudioContext();
  private readonly players: HTMLAudioElement[] = [];
  private readonly meters: LevelMeter[] = [];
  private voice: MediaStreamTrack | null = null;
  private resource = "";
  private lossTimer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  private constructor(
    private readonly made: Made,
    private readonly onLost: () => void,
  ) {}

  /** Makes a supervisor of the call and joins; call it from a click, or nothing may be heard. */
  static async take(path: string, name: string, onLost: () => void): Promise<Seat> {
    const made = await api<Made>(`${path}/supervisors`, { method: "POST", body: { name, permissions: PERMISSIONS } });
    const seat = new Seat(made, onLost);
    try {
      await seat.join();
    } catch (error) {
      seat.close();
      throw error;
    }
    return seat;
  }

  get userId(): string {
    return this.made.user_id;
  }

  /** 0 to 1. */
  get userLevel(): number {
    return this.meters[0]?.level() ?? 0;
  }

  get agentLevel(): number {
    return this.meters[1]?.level() ?? 0;
  }

  setVolume(volume: number): void {
    for (const player of this.players) player.volume = volume;
  }

  /** Opens the microphone and sends it; what is heard of it the server decides. */
  async openVoice(): Promise<void> {
    if (this.voice) return;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
    this.voice = stream.getAudioTracks()[0] ?? null;
    await this.connection.getTransceivers()[0]?.sender.replaceTrack(this.voice);
  }

  closeVoice(): void {
    this.voice?.stop();
    this.voice = null;
    if (!this.closed) void this.connection.getTransceivers()[0]?.sender.replaceTrack(null);
  }

  close(): void {
    if (this.closed) return;
    this.closeVoice();
    this.closed = true;
    clearTimeout(this.lossTimer);
    for (const meter of this.meters) meter.close();
    for (const player of this.players) player.srcObject = null;
    this.connection.close();
    void this.sound.close();
    if (this.resource) void leaveCall(this.resource, this.made.token);
  }

  private async join(): Promise<void> {
    const { connection } = this;
    connection.addTransceiver("audio", { direction: "sendrecv" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.createDataChannel("aicall", { ordered: true });
    connection.addEventListener("connectionstatechange", () => this.watch());
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const joined = await joinCall(this.made.rtc_url, { token: this.made.token, sdp: connection.localDescription?.sdp ?? "" }, false);
    this.resource = joined.resource;
    await connection.setRemoteDescription({ type: "answer", sdp: joined.sdp });
    for (const { receiver } of connection.getTransceivers()) this.hear(new MediaStream([receiver.track]));
  }

  private hear(stream: MediaStream): void {
    const player = new Audio();
    player.srcObject = stream;
    this.players.push(player);
    this.meters.push(new LevelMeter(this.sound, stream));
    // A click began all this, so it is not refused; a seat that is left meanwhile aborts it.
    player.play().catch(() => undefined);
    void this.sound.resume();
  }

  private watch(): void {
    clearTimeout(this.lossTimer);
    if (this.closed) return;
    const { connectionState } = this.connection;
    const lost = () => {
      this.close();
      this.onLost();
    };
    if (connectionState === "failed") lost();
    else if (connectionState === "disconnected") this.lossTimer = setTimeout(lost, PATIENCE_MS);
  }
}
