// In the page: a peer that speaks our signaling in place of a server, so that a client can be tried against every track,
// notice and failure. It answers requests to `url`, sends a tone as the agent's voice, and a moving picture if asked to.
//
// Loaded as a script: window.TestPeer.

class TestPeer {
  constructor({ avatar = false, url = "http://peer.invalid/rtc/v1/calls" } = {}) {
    this.url = url;
    this.avatar = avatar;
    this.requests = [];
    this.received = [];
    this.reply = null;
    this.refusal = null;
    this.lastsFor = 3600;
    this.fetch = window.fetch;
    window.fetch = (input, init = {}) => (String(input).startsWith(url) ? this.serve(init) : this.fetch.call(window, input, init));
  }

  token(lifetime = 3600) {
    const envelope = {
      appid: "app",
      channelid: "channel-1",
      userid: "user-1",
      nonce: "",
      timestamp: Math.floor(Date.now() / 1000) + lifetime,
      token: Math.random().toString(16).slice(2),
      rtcurl: this.url,
    };
    this.lastsFor = lifetime;
    return btoa(JSON.stringify(envelope));
  }

  get info() {
    return { instanceId: "instance-1", userId: "agent-1", channelId: "channel-1", rtcToken: this.token() };
  }

  async serve({ method = "GET", body, headers }) {
    const request = { method, ...(body ? JSON.parse(body) : { headers }) };
    this.requests.push(request);
    if (this.refusal) return json(this.refusal.status, this.refusal);
    if (method === "DELETE") return new Response(null, { status: 204 });
    if (method === "PATCH" && !request.sdp) return json(200, { expiresIn: this.lastsFor });
    if (method === "PATCH" && this.forgotten) return json(400, { code: "InvalidSdp", message: "The transport is gone." });
    if (method === "PATCH") return json(200, { sdp: await this.answer(request.sdp), expiresIn: this.lastsFor });
    this.open();
    const sdp = await this.answer(request.sdp);
    const ids = { channelId: "channel-1", userId: "user-1", agentUserId: "agent-1", instanceId: "instance-1", memberId: "m-1" };
    const agentReply = request.agent && this.reply;
    return json(201, { sdp, ...ids, resource: "/rtc/v1/calls/m-1", expiresIn: this.lastsFor, ...(agentReply ? { agentReply } : {}) });
  }

  open() {
    this.connection?.close();
    this.forgotten = false;
    const connection = new RTCPeerConnection();
    this.connection = connection;
    this.tracks = [];
    connection.ontrack = ({ track }) => this.tracks.push(track);
    connection.ondatachannel = ({ channel }) => {
      this.channel = channel;
      channel.onmessage = ({ data }) => this.received.push(JSON.parse(data));
      channel.onopen = () => {
        this.send(9003, { userId: "agent-1", online: true, audio: true, video: false, role: "agent" });
        if (this.avatar) this.send(9003, { userId: "avatar-1", online: true, audio: true, video: true, role: "avatar" });
        this.send(1001, { state: 3 });
        this.send(1002, { text: "Hello.", end: false, sentenceId: 0 });
      };
    };
  }

  async answer(offer) {
    const { connection } = this;
    await connection.setRemoteDescription({ type: "offer", sdp: offer });
    if (connection.getSenders().every(({ track }) => !track)) {
      connection.addTrack(tone(), new MediaStream());
      const wantsPicture = connection.getTransceivers().some((t) => t.receiver.track.kind === "video" && /recv/.test(directionOf(offer)));
      if (wantsPicture && this.avatar) connection.addTrack(picture(), new MediaStream());
    }
    await connection.setLocalDescription(await connection.createAnswer());
    await new Promise((resolve) => {
      if (connection.iceGatheringState === "complete") resolve();
      connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
    });
    return connection.localDescription.sdp;
  }

  send(type, data) {
    this.channel.send(JSON.stringify({ type, data, seqId: 1, senderId: "agent-1", receiverId: "user-1" }));
  }

  /** Packets received of this kind on the present connection. */
  async count(kind) {
    let packets = 0;
    for (const report of (await this.connection.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === kind) packets += report.packetsReceived;
    }
    return packets;
  }

  /** How loud the user is, 0 to 1. */
  async loudness() {
    for (const report of (await this.connection.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "audio") return report.audioLevel ?? 0;
    }
    return 0;
  }

  /** Nothing goes through any more, and the transport is forgotten. */
  cut() {
    this.connection.close();
    this.forgotten = true;
  }
}

function directionOf(sdp) {
  return /m=video[^]*?a=(sendrecv|sendonly|recvonly|inactive)/.exec(sdp)?.[1] ?? "";
}

function json(status, body) {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

function tone() {
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const destination = context.createMediaStreamDestination();
  oscillator.connect(destination);
  oscillator.start();
  return destination.stream.getAudioTracks()[0];
}

function picture() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 120];
  const context = canvas.getContext("2d");
  setInterval(() => {
    context.fillStyle = `hsl(${performance.now() % 360} 80% 50%)`;
    context.fillRect(0, 0, 160, 120);
  }, 50);
  return canvas.captureStream(15).getVideoTracks()[0];
}

window.TestPeer = TestPeer;
