// A browser's media and network as far as the core touches them, for tests on virtual time: `install` puts them in place,
// and the returned world says what happens next. Promises settle with `settle`; timers are node's mocked ones.

import { mock } from "node:test";

type Listener = (event: object) => void;

class FakeTarget {
  private readonly listeners = new Map<string, Set<Listener>>();

  addEventListener(name: string, listener: Listener): void {
    if (!this.listeners.has(name)) this.listeners.set(name, new Set());
    this.listeners.get(name)?.add(listener);
  }

  removeEventListener(name: string, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
  }

  fire(name: string, event: object = {}): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) listener(event);
  }
}

let ids = 0;

export class FakeTrack extends FakeTarget {
  readonly id = `track-${++ids}`;
  enabled = true;
  muted = true;
  stopped = false;
  contentHint = "";

  constructor(
    readonly kind: "audio" | "video",
    readonly deviceId = "default",
  ) {
    super();
  }

  stop(): void {
    this.stopped = true;
  }

  getSettings(): { deviceId: string } {
    return { deviceId: this.deviceId };
  }
}

class FakeStream {
  constructor(private readonly tracks: FakeTrack[]) {}
  getTracks(): FakeTrack[] {
    return this.tracks;
  }
}

class FakeElement {
  muted = false;
  autoplay = false;
  srcObject: unknown = null;

  constructor(private readonly world: World) {}

  play(): Promise<void> {
    if (!this.world.playBlocked) return Promise.resolve();
    return Promise.reject(Object.assign(new Error("blocked"), { name: "NotAllowedError" }));
  }

  pause(): void {
    // Nothing plays.
  }
}

export class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  send(text: string): void {
    this.sent.push(text);
  }

  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }

  close(): void {
    this.readyState = "closed";
    this.onclose?.();
  }

  message(type: number, data: object): void {
    this.onmessage?.({ data: JSON.stringify({ type, data, seqId: 1, senderId: "agent-1", receiverId: "user-1" }) });
  }
}

export class FakeConnection {
  connectionState = "new";
  iceConnectionState = "new";
  restarts = 0;
  closed = false;
  received = 0;
  /** Checks that are answered on a pair that carries nothing. */
  private answersElsewhere = 0;
  readonly channel = new FakeChannel();
  readonly voice = new FakeTrack("audio");
  readonly transceivers: { kind: string; direction: string; track: FakeTrack | null }[] = [];
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;
  ontrack: ((event: { track: FakeTrack; streams: { id: string }[] }) => void) | null = null;

  addTransceiver(track: FakeTrack | "audio" | "video", { direction }: { direction: string }): object {
    const transceiver = typeof track === "string" ? { kind: track, direction, track: null } : { kind: track.kind, direction, track };
    const described = transceiver as (typeof this.transceivers)[number];
    this.transceivers.push(described);
    const sender = {
      replaceTrack: (next: FakeTrack | null) => Promise.resolve((described.track = next)),
      getParameters: () => ({ encodings: [] }),
    };
    return { sender };
  }

  createDataChannel(): FakeChannel {
    return this.channel;
  }

  createOffer({ iceRestart }: { iceRestart: boolean }): Promise<{ sdp: string }> {
    if (iceRestart) this.restarts += 1;
    return Promise.resolve({ sdp: "v=0 offer" });
  }

  setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    return Promise.resolve();
  }

  setRemoteDescription(): Promise<void> {
    if (this.connectionState === "new") this.ontrack?.({ track: this.voice, streams: [{ id: "stream-1" }] });
    return Promise.resolve();
  }

  getStats(): Promise<Map<string, object>> {
    const reports = [
      { type: "inbound-rtp", packetsReceived: this.received, trackIdentifier: this.voice.id, audioLevel: 0.5 },
      { type: "media-source", audioLevel: 0.1 },
      { type: "transport", selectedCandidatePairId: "used" },
      { id: "used", type: "candidate-pair", responsesReceived: 0, currentRoundTripTime: 0.04 },
      { id: "unused", type: "candidate-pair", responsesReceived: ++this.answersElsewhere },
    ];
    return Promise.resolve(new Map(reports.map((report, i) => [report.id ?? String(i), report])));
  }

  become(state: "connected" | "disconnected" | "failed"): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  /** The agent's voice begins to flow. */
  speak(): void {
    this.voice.muted = false;
    this.voice.fire("unmute");
  }

  close(): void {
    this.closed = true;
  }
}

export interface FakeRequest {
  method: string;
  url: string;
  body: Record<string, unknown>;
}

export class World {
  playBlocked = false;
  /** Devices that can't be had, with the name of the error. */
  denied: { audio?: string; video?: string } = {};
  readonly tracks: FakeTrack[] = [];
  readonly connections: FakeConnection[] = [];
  readonly requests: FakeRequest[] = [];
  /** What the server answers, by method; null: nothing. */
  answers: Record<string, { status: number; body: object } | null> = {
    POST: {
      status: 201,
      body: { sdp: "v=0 answer", agentUserId: "agent-1", instanceId: "instance-1", channelId: "c", userId: "user-1", resource: "/rtc/v1/calls/m", expiresIn: 3600 },
    },
    PATCH: { status: 200, body: { sdp: "v=0 answer", expiresIn: 3600 } },
    DELETE: { status: 204, body: {} },
  };
  readonly mediaDevices = Object.assign(new FakeTarget(), {
    getUserMedia: (wanted: { audio?: MediaTrackConstraints; video?: MediaTrackConstraints }) => {
      const kind = wanted.audio ? "audio" : "video";
      const name = this.denied[kind];
      if (name) return Promise.reject(Object.assign(new Error("no"), { name }));
      const { deviceId } = wanted[kind] ?? {};
      const track = new FakeTrack(kind, (deviceId as { exact?: string } | undefined)?.exact);
      this.tracks.push(track);
      return Promise.resolve(new FakeStream([track]));
    },
    enumerateDevices: () =>
      Promise.resolve([
        { kind: "audioinput", deviceId: "m1" },
        { kind: "videoinput", deviceId: "default" },
        { kind: "videoinput", deviceId: "c2" },
      ]),
  });
  readonly page = new FakeTarget();

  get connection(): FakeConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error("no connection was made");
    return last;
  }

  get channel(): FakeChannel {
    return this.connection.channel;
  }

  get methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  /** Lets promises and what follows from them go on. */
  async settle(): Promise<void> {
    for (let i = 0; i < 30; i++) await Promise.resolve();
  }

  /** Lets time pass; packets arrive meanwhile, or not. */
  async pass(ms: number, { flowing = true } = {}): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      const connection = this.connections.at(-1);
      if (flowing && connection) connection.received += 5;
      mock.timers.tick(Math.min(100, left));
      await this.settle();
    }
  }

  /** The join's answer has come: media and data channel come up, the agent is heard. */
  async connect(): Promise<void> {
    await this.settle();
    this.connection.become("connected");
    this.connection.speak();
    await this.settle();
    this.channel.open();
    await this.pass(1);
  }
}

/** Puts the fakes in place for one test, with mocked timers. */
export function install(): World {
  const world = new World();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  const define = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define("navigator", { mediaDevices: world.mediaDevices });
  define("performance", { now: () => Date.now() });
  define("addEventListener", (name: string, listener: Listener) => world.page.addEventListener(name, listener));
  define("removeEventListener", (name: string, listener: Listener) => world.page.removeEventListener(name, listener));
  define("document", Object.assign(new FakeTarget(), { createElement: () => new FakeElement(world), getElementById: () => null }));
  define("MediaStream", FakeStream);
  define("HTMLVideoElement", FakeElement);
  define("RTCPeerConnection", function () {
    const connection = new FakeConnection();
    world.connections.push(connection);
    return connection;
  });
  define("fetch", (url: string, { method = "GET", body }: { method?: string; body?: string }) => {
    world.requests.push({ method, url, body: body ? (JSON.parse(body) as Record<string, unknown>) : {} });
    const answer = world.answers[method];
    if (!answer) return Promise.reject(new TypeError("Failed to fetch"));
    return Promise.resolve({ ok: answer.status < 300, status: answer.status, json: () => Promise.resolve(answer.body) });
  });
  return world;
}

/** A token for user-1, that lasts so many seconds. */
export function token(seconds = 3600, nonce = ""): string {
  const envelope = {
    appid: "app",
    channelid: "c",
    userid: "user-1",
    nonce,
    timestamp: Math.floor(Date.now() / 1000) + seconds,
    token: "00ff",
    rtcurl: "http://127.0.0.1:8080/rtc/v1/calls",
  };
  return btoa(JSON.stringify(envelope));
}
